"""The errors of this tree: `PlatformError` and its kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

_SHOWN_PROBLEMS = 5


class PlatformError(Exception):
    """Be the root of every error that this tree raises."""


class UserError(PlatformError):
    """Be the root of what a person gave wrong; its message is enough, without a traceback."""


class EndOfLifeError(UserError):
    """Report a dataflow whose last day has passed; `replacement` is what takes its place."""

    def __init__(self, dataflow: str, until: date, replacement: str) -> None:
        self.dataflow = dataflow
        self.stop_at = until
        self.replacement = replacement
        super().__init__(f"{dataflow} was retired after {until}; use {replacement} instead")


class TableContractError(UserError):
    """Report data that break the contract of their table; each problem is a sentence."""

    def __init__(self, table: str, problems: Iterable[str]) -> None:
        self.table = table
        self.problems = tuple(problems)
        alone = len(self.problems) == 1
        message = _listed(f"table {table!r} breaks its contract", self.problems)
        super().__init__(self.problems[0] if alone else message)


class ResultError(UserError):
    """Report a runner's result that is not the answer to its request."""

    def __init__(self, dataflow: str, problems: Iterable[str]) -> None:
        self.dataflow = dataflow
        self.problems = tuple(problems)
        super().__init__(_listed(f"the result of {dataflow!r} is refused", self.problems))


class StagingError(UserError):
    """Report staged files that are not what the result says, or are no plain files."""

    def __init__(self, staging: str, problems: Iterable[str]) -> None:
        self.staging = staging
        self.problems = tuple(problems)
        super().__init__(_listed(f"the staged files in {staging} are refused", self.problems))


class PublicationError(UserError):
    """Report accepted outputs that cannot be published as a release of `dataflow`."""

    def __init__(self, dataflow: str, problem: str) -> None:
        self.dataflow = dataflow
        self.problem = problem
        super().__init__(f"dataflow {dataflow!r} cannot be published: {problem}")


class DeploymentError(UserError):
    """Report a deployment file that cannot be followed; `where` is the place within it.

    `mistakes` has a sentence for this mistake, and one for each of `others` in the same file.
    """

    def __init__(
        self,
        file: Path | None,
        where: str,
        problem: str,
        others: Iterable[DeploymentError] = (),
    ) -> None:
        self.file = file
        self.where = where
        self.problem = problem
        self.others = tuple(others)
        name = file.name if file else "the deployment"
        more = (mistake for other in self.others for mistake in other.mistakes)
        self.mistakes: tuple[str, ...] = (f"{name}, {where}: {problem}", *more)
        super().__init__("\n".join(self.mistakes))


def joined(mistakes: Sequence[DeploymentError]) -> DeploymentError:
    """Return one error that reports all of these mistakes."""
    first, *others = mistakes
    return DeploymentError(first.file, first.where, first.problem, (*first.others, *others))


class SourceError(UserError):
    """Report a source that does not hold what the contract says."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"source {source!r}: {problem}")


class SourceUnavailableError(PlatformError):
    """Report a source that does not answer; it may do so the next time."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"source {source!r} does not answer: {problem}")


class RunnerError(PlatformError):
    """Report a runner that could not be started, broke the protocol, or ended without a result."""


class RunFailedError(PlatformError):
    """Report a function that raised, or a fault of the runner; a retry may succeed."""


class AcceptanceKilledError(PlatformError):
    """Report that the process that reads a staged table was killed; a retry may succeed."""


class RunRefusedError(UserError):
    """Report a request that the runner refused; a retry would be refused, too."""


class LakeError(PlatformError):
    """Report something in the lake that this platform did not write or does not understand."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class LakeUnavailableError(PlatformError):
    """Report a lake that cannot be written or read now; it may be the next time."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"the lake at {path} cannot be used now: {problem}")


class NoLakeError(LakeUnavailableError):
    """Report a place without the marker of a lake; a disk that is mounted again brings it back."""

    def __init__(self, path: str, marker: str) -> None:
        super().__init__(
            path,
            f"it has no {marker}, so no lake was made there, or it is not mounted. Mount it, name "
            "another place in [lake] or with --state, or make a new, empty lake there with "
            "`isthmus-platform init-lake`",
        )


def _listed(head: str, problems: tuple[str, ...]) -> str:
    if len(problems) == 1:
        return f"{head}: {problems[0]}"
    lines = [f"{head}:", *(f"- {problem}" for problem in problems[:_SHOWN_PROBLEMS])]
    if len(problems) > _SHOWN_PROBLEMS:
        lines.append(f"- and {len(problems) - _SHOWN_PROBLEMS} more")
    return "\n".join(lines)
