"""The errors of this tree: `TransformError` is the root of all."""

from __future__ import annotations

from collections.abc import Iterable


class TransformError(Exception):
    """Root of every error that this tree raises."""


class UserError(TransformError):
    """Error that a person can fix; it is shown without a traceback."""


class DefinitionError(UserError):
    """Report a dataflow whose functions do not implement its contract."""


class ImportFailedError(UserError):
    """Report a module of a dataflow that cannot be imported, as `NodeError` reports a function."""

    def __init__(self, module: str, file: str, line: int, problem: str, traceback: str) -> None:
        self.module = module
        self.file = file
        self.line = line
        self.problem = problem
        self.traceback = traceback
        super().__init__(f"{module} cannot be imported ({file}:{line}): {problem}")


class ContractVersionError(UserError):
    """Report that the two sides have different versions of a dataflow's contract."""

    def __init__(self, dataflow: str, asked: str, known: str) -> None:
        self.dataflow = dataflow
        self.asked = asked
        self.known = known
        super().__init__(
            f"the request asks for version {asked!r} of the contract of {dataflow!r}; "
            f"this side has version {known!r}; install the same contracts on both sides"
        )


class UnknownDependencyError(TransformError):
    """Report why what a result depends on cannot be determined exactly."""


class InputError(UserError):
    """Report an input that is missing, unreadable, or breaks its contract."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"input {name!r}: {problem}")


class OverrideError(UserError):
    """Report a value that cannot take the place of a node's result."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"override of {name!r}: {problem}")


class OutputError(UserError):
    """Report an output that breaks its contract; `problems` are sentences."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        super().__init__(f"output {name!r} breaks its contract: {'; '.join(self.problems)}")


class CheckError(TransformError):
    """Report that a value failed a check that its function declares."""


class EngineError(UserError):
    """Report an engine that is unknown, not installed, or has a wrong option."""

    def __init__(self, engine: str, problem: str) -> None:
        self.engine = engine
        self.problem = problem
        super().__init__(f"engine {engine!r}: {problem}")


class WorkerError(TransformError):
    """Report that a worker process of an engine died; the outcome of its call is unknown."""

    def __init__(self, node: str, problem: str) -> None:
        self.node = node
        self.problem = problem
        super().__init__(f"a worker process died while node {node!r} ran: {problem}")


class NodeError(TransformError):
    """Report a function that raised; its own exception is the cause, shown with its traceback.

    `file` is relative to the folder that holds the function's package, `line` is where it failed;
    `given` describes what the function was given, as types and shapes, never as values. If the
    function ran in another process, there is no cause; `traceback` is its text.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everything that is known of a failure
        self,
        node: str,
        function: str,
        file: str,
        line: int,
        problem: str,
        given: str,
        traceback: str,
    ) -> None:
        self.node = node
        self.function = function
        self.file = file
        self.line = line
        self.problem = problem
        self.given = given
        self.traceback = traceback
        super().__init__(
            f"node {node!r} failed in {function} ({file}:{line}): {problem}{self.given_clause}"
        )

    @property
    def kind(self) -> str:
        """Return the name of the exception's type."""
        return self.problem.partition(":")[0]

    @property
    def given_clause(self) -> str:
        """Return what the function was given, as a clause in parentheses."""
        return f" (given {self.given})" if self.given else ""

    def __reduce__(self) -> tuple[type[NodeError], tuple[object, ...]]:
        fields = (self.node, self.function, self.file, self.line, self.problem, self.given)
        return type(self), (*fields, self.traceback)
