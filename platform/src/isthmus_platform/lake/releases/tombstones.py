"""What cleaning has taken away: releases that are none any more, and files that may be gone.

A cleaning says what it will take before it looks at what is needed, and a publication writes what
it needs before it looks here. So whichever is second sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from isthmus_contracts import DataflowContract, Identity
from isthmus_platform.errors import PublicationError, UserError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import documents_in, read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.pointer import Move, read_moves
from isthmus_platform.storage import Location


class RemovedReleaseError(UserError):
    """Report a release that was published once and has been removed since."""

    def __init__(self, dataflow: Identity, release: str, by: str, at: str) -> None:
        self.dataflow = dataflow
        self.release = release
        super().__init__(
            f"release {release} of {dataflow} was removed by {by} on {at[:10]}, and its files with "
            "it; `isthmus-platform releases` lists those that there are"
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Say that files from before an instant may be gone, unless a release document needs them.

    `dataflow` is the one whose files they are; None means every dataflow's and the sources'.
    """

    before: str
    dataflow: str | None
    by: str


def removed(moves: Iterable[Move]) -> frozenset[str]:
    """Return the ids of the releases that are none any more."""
    return frozenset(each for move in moves for each in move.removed)


def check_not_removed(dataflow: Identity, release: str, moves: Iterable[Move]) -> None:
    """Raise `RemovedReleaseError` if a cleaning has removed this release."""
    for move in moves:
        if release in move.removed:
            raise RemovedReleaseError(dataflow, release, move.by, move.at)


def check_not_collected(
    lake: Lake, dataflow: DataflowContract, outputs: Iterable[Location], inputs: Mapping[str, Pin]
) -> None:
    """Raise `PublicationError` if a file that a release would pin may have been cleaned away.

    Its document is to be written before, so that a cleaning which begins later sees it.
    """
    name = str(dataflow.identity)
    own, sources = _limits(lake, name)
    for path in _gone(outputs, own):
        raise PublicationError(
            name, f"{path.key} is too old and may have been cleaned away; start a run"
        )
    origins = {declared.name: declared.source for declared in dataflow.inputs}
    for table_input, pin in inputs.items():
        origin = origins.get(table_input)
        if pin.release is not None and isinstance(origin, Identity):
            check_not_removed(origin, pin.release, read_moves(lake.pointer(origin)))
        elif sources is not None:
            files = files_of(lake.path(pin.table), pin.version)
            for _ in _gone(files, sources):
                raise PublicationError(
                    name,
                    f"its input {table_input!r} is too old and may have been cleaned away; "
                    "start a run",
                )


def _limits(lake: Lake, dataflow: str) -> tuple[float | None, float | None]:
    """Return since when the dataflow's files, and those of the sources, are safe."""
    found = [read_document(Tombstone, each) for each in documents_in(lake.tombstones())]
    return (
        _latest([result for result in found if result.dataflow in (None, dataflow)]),
        _latest([result for result in found if result.dataflow is None]),
    )


def _latest(tombstones: Sequence[Tombstone]) -> float | None:
    return max((instant(tombstone.before) for tombstone in tombstones), default=None)


def _gone(files: Iterable[Location], limit: float | None) -> Iterator[Location]:
    if limit is None:
        return
    for file in files:
        found = file.find()
        if found is None or found.modified.timestamp() < limit:
            yield file


def instant(text: str) -> float:
    """Return the seconds since 1970 of a time as documents write it."""
    return datetime.fromisoformat(text).timestamp()
