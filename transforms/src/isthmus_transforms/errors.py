"""The errors of this tree: `TransformError` and its kinds."""

from __future__ import annotations

from collections.abc import Iterable


class TransformError(Exception):
    """Be the root of every error that this tree raises."""


class UserError(TransformError):
    """Be the kind that a person can mend; it is shown without a traceback."""


class DefinitionError(UserError):
    """Report a dataflow whose functions do not add up to its contract."""


class ContractVersionError(UserError):
    """Report that the two sides hold different versions of a dataflow's contract."""

    def __init__(self, dataflow: str, asked: str, known: str) -> None:
        self.dataflow = dataflow
        self.asked = asked
        self.known = known
        super().__init__(
            f"version {asked!r} of the contract of {dataflow!r} is asked for; known: {known!r}; "
            "install the same contracts on both sides"
        )


class InputError(UserError):
    """Report an input that cannot be read as its contract says."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"input {name!r}: {problem}")


class OutputError(UserError):
    """Report an output that does not keep its contract; `problems` are sentences."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        super().__init__(f"output {name!r} does not keep its contract: {'; '.join(self.problems)}")


class CheckError(TransformError):
    """Report that a value did not pass the checks that its function asks for."""


class EngineError(UserError):
    """Report an engine that cannot be had as it was chosen."""

    def __init__(self, engine: str, problem: str) -> None:
        self.engine = engine
        self.problem = problem
        super().__init__(f"engine {engine!r}: {problem}")


class WorkerError(TransformError):
    """Report that a worker of an engine died, so that nobody knows what its function came to."""

    def __init__(self, node: str, problem: str) -> None:
        self.node = node
        self.problem = problem
        super().__init__(f"a worker has died while it computed {node!r} or beside it: {problem}")


class NodeError(TransformError):
    """Report a function that raised; its own exception is the cause, shown with its traceback.

    `file` is relative to the folder that holds the function's package, `line` is where it failed;
    `given` tells shapes of what it took, and no value. Where the function ran in another process,
    there is no cause, and `traceback` says what it was.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that is known of a failure
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
            f"node {node!r} failed in {function} ({file}:{line}): {problem}{self.told_given}"
        )

    @property
    def kind(self) -> str:
        """Return the name of the exception's type."""
        return self.problem.partition(":")[0]

    @property
    def told_given(self) -> str:
        """Return what the function took, in words that end a sentence."""
        return f" (given {self.given})" if self.given else ""

    def __reduce__(self) -> tuple[type[NodeError], tuple[object, ...]]:
        fields = (self.node, self.function, self.file, self.line, self.problem, self.given)
        return type(self), (*fields, self.traceback)
