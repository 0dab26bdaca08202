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


class NodeError(TransformError):
    """Report a function that raised; its own exception is the cause, shown with its traceback.

    `file` is relative to the folder that holds the function's package, `line` is where it failed.
    """

    def __init__(self, node: str, function: str, file: str, line: int, problem: str) -> None:
        self.node = node
        self.function = function
        self.file = file
        self.line = line
        self.problem = problem
        super().__init__(f"node {node!r} failed in {function} ({file}:{line}): {problem}")
