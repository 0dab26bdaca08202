"""Which releases of a dataflow there are, which of them is current, and moving back to one."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus_contracts import Identity, UnknownNameError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, last_move, read_moves, try_move
from isthmus_platform.lake.releases.tombstones import check_not_removed, removed
from isthmus_platform.storage import Location


def pin(release: Release, table: str) -> Pin:
    """Return the pin with which another run reads a table of this release.

    Raise `UnknownNameError` if it has no such table.
    """
    if table not in release.tables:
        raise UnknownNameError(f"table of release {release.id} named", table, release.tables)
    return Pin(release.tables[table].path, release.tables[table].version, release.id)


def own_files(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield the files of a release that its own run made."""
    for table in release.tables.values():
        folder = lake.path(table.path)
        if release.interval is None or not table.partitions:
            yield from files_of(folder, table.version)
            continue
        for part in table.partitions.values():
            if part.run == release.run:
                yield from (folder / file.name for file in part.files)
    for file in release.files.values():
        yield lake.path(file.path)


def outputs_of(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield every file that a release consists of."""
    for table in release.tables.values():
        yield from files_of(lake.path(table.path), table.version)
    for file in release.files.values():
        yield lake.path(file.path)


def current(lake: Lake, dataflow: Identity) -> Release | None:
    """Return the release that readers get, or None if there was no publication yet."""
    move = last_move(lake.pointer(dataflow))
    return read_document(Release, document_of(lake, dataflow, move.release)) if move else None


def release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a published release.

    Raise `UnknownNameError` listing those that there are, or `RemovedReleaseError` for one that a
    cleaning has removed.
    """
    return _among(read_moves(lake.pointer(dataflow)), lake, dataflow, release_id)


def releases(lake: Lake, dataflow: Identity) -> tuple[tuple[Release, bool], ...]:
    """Return every published release, newest publication first, and whether it is current."""
    moves = read_moves(lake.pointer(dataflow))
    return tuple(
        (read_document(Release, document_of(lake, dataflow, each)), each == moves[-1].release)
        for each in reversed(_published(moves))
    )


def rollback(lake: Lake, dataflow: Identity, release_id: str, *, by: str) -> Release:
    """Make a published release current again; `by` says who wants it.

    Raise what `release` raises if there is no such release. Nothing moves if it is current.
    """
    pointer = lake.pointer(dataflow)
    moves = read_moves(pointer)
    wanted = _among(moves, lake, dataflow, release_id)
    while moves[-1].release != wanted.id:
        check_not_removed(dataflow, wanted.id, moves)
        try_move(pointer, moves, wanted.id, "rollback", by, clock=lake.clock)
        moves = read_moves(pointer)
    return wanted


def _among(moves: tuple[Move, ...], lake: Lake, dataflow: Identity, release_id: str) -> Release:
    known = _published(moves)
    if release_id not in known:
        check_not_removed(dataflow, release_id, moves)
        raise UnknownNameError(f"release of dataflow '{dataflow}' named", release_id, known)
    return read_document(Release, document_of(lake, dataflow, release_id))


def _published(moves: tuple[Move, ...]) -> list[str]:
    gone = removed(moves)
    return [
        fromkey for fromkey in dict.fromkeys(move.release for move in moves) if fromkey not in gone
    ]


def document_of(lake: Lake, dataflow: Identity, release_id: str) -> Location:
    """Return the place of a release's document."""
    return lake.releases(dataflow) / f"{release_id}.json"
