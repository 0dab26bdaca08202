"""What garbage collection has removed: releases, and files that no release needed.

Garbage collection writes a tombstone before it reads which files are needed; a publication writes
its release document before it reads the tombstones. So whichever comes second sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from isthmus_contracts import DataflowContract, Identity
from isthmus_platform.errors import PublicationError, UserError
from isthmus_platform.lake.documents import documents_in, read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.pointer import Move, last_move, removal_of
from isthmus_platform.storage import Location

_TOO_OLD = "is too old and may have been removed by garbage collection; start a new run"


class RemovedReleaseError(UserError):
    """Report a release that was published once and has been removed since."""

    def __init__(self, dataflow: Identity, release: str, by: str, at: str) -> None:
        self.dataflow = dataflow
        self.release = release
        super().__init__(
            f"release {release} of {dataflow} was removed by {by} on {at[:10]}, with its files; "
            "`isthmus-platform releases` lists the releases that exist"
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Say that files older than `before` may be removed, unless a release document needs them.

    The files are those of `dataflow`, or for None those of every dataflow and of the sources.
    """

    before: str
    dataflow: str | None
    by: str


def check_not_removed(lake: Lake, dataflow: Identity, release: str, last: Move) -> None:
    """Raise `RemovedReleaseError` if a published release was removed up to the move `last`."""
    if not last.keeps(release):
        move = removal_of(lake.pointer(dataflow), last, release)
        raise RemovedReleaseError(dataflow, release, move.by, move.at)


def check_not_collected(
    lake: Lake, dataflow: DataflowContract, outputs: Iterable[Location], inputs: Mapping[str, Pin]
) -> None:
    """Raise `PublicationError` if garbage collection may have removed a file that a release names.

    The release's document must be written before, so that a later garbage collection reads it.
    """
    # Who only reads releases, such as the DAG file, imports no library of tables.
    from isthmus_platform.lake.delta.tables import files_of  # noqa: PLC0415

    name = str(dataflow.identity)
    own_cutoff, source_cutoff = _cutoffs(lake, name)
    for file in _older(outputs, own_cutoff):
        raise PublicationError(name, f"{file.key} {_TOO_OLD}")
    origins = {declared.name: declared.source for declared in dataflow.inputs}
    for table_input, pin in inputs.items():
        origin = origins.get(table_input)
        if pin.release is not None and isinstance(origin, Identity):
            if (last := last_move(lake.pointer(origin))) is not None:
                check_not_removed(lake, origin, pin.release, last)
        elif source_cutoff is not None:
            files = files_of(lake.path(pin.table), pin.version)
            for _ in _older(files, source_cutoff):
                raise PublicationError(name, f"its input {table_input!r} {_TOO_OLD}")


def remove_covered(lake: Lake, own: Tombstone, name: str) -> None:
    """Remove the tombstones that say nothing more than `own`, whose document has this name."""
    for document, found in _read_tombstones(lake):
        in_scope = own.dataflow in {None, found.dataflow}
        if in_scope and document.name != name and timestamp(found.before) <= timestamp(own.before):
            document.remove()


def _read_tombstones(lake: Lake) -> list[tuple[Location, Tombstone]]:
    while True:
        try:
            return [
                (document, read_document(Tombstone, document))
                for document in documents_in(lake.tombstones())
            ]
        except FileNotFoundError:
            continue  # garbage collection has just written another that says as much


def _cutoffs(lake: Lake, dataflow: str) -> tuple[float | None, float | None]:
    """Return the times before which files of the dataflow, and of sources, may be removed."""
    found = [tombstone for _, tombstone in _read_tombstones(lake)]
    return (
        _latest([tombstone for tombstone in found if tombstone.dataflow in (None, dataflow)]),
        _latest([tombstone for tombstone in found if tombstone.dataflow is None]),
    )


def _latest(tombstones: Sequence[Tombstone]) -> float | None:
    return max((timestamp(tombstone.before) for tombstone in tombstones), default=None)


def _older(files: Iterable[Location], cutoff: float | None) -> Iterator[Location]:
    """Yield the files that are older than the cutoff, or missing; none if there is no cutoff."""
    if cutoff is None:
        return
    for file in files:
        found = file.find()
        if found is None or found.modified.timestamp() < cutoff:
            yield file


def timestamp(text: str) -> float:
    """Return a time as documents write it in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
