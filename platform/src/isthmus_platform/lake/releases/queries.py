"""Which releases a dataflow has, which of them is current, and rolling back to one."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus_contracts import Identity, UnknownNameError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, append_move, last_move, read_moves
from isthmus_platform.lake.releases.tombstones import check_not_removed, removed_releases
from isthmus_platform.storage import Location


def pin(release: Release, table: str) -> Pin:
    """Return the pin with which another run reads a table of this release.

    Raise `UnknownNameError` if it has no such table.
    """
    if table not in release.tables:
        raise UnknownNameError("table", table, release.tables, of=f"release {release.id}")
    return Pin(release.tables[table].path, release.tables[table].version, release.id)


def own_files(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield the files of a release that its own run wrote, without those of earlier partitions."""
    for table in release.tables.values():
        folder = lake.path(table.path)
        if release.interval is None or not table.partitions:
            yield from files_of(folder, table.version)
            continue
        for partition in table.partitions.values():
            if partition.run == release.run:
                yield from (folder / file.name for file in partition.files)
    for released in release.files.values():
        yield lake.path(released.path)


def all_files(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield every file that a release consists of."""
    for table in release.tables.values():
        yield from files_of(lake.path(table.path), table.version)
    for released in release.files.values():
        yield lake.path(released.path)


def current(lake: Lake, dataflow: Identity) -> Release | None:
    """Return the release that readers get, or None if there was no publication yet."""
    move = last_move(lake.pointer(dataflow))
    return read_release(lake, dataflow, move.release) if move else None


def release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a published release.

    Raise `UnknownNameError`, which lists the published ones, or `RemovedReleaseError` for a release
    that garbage collection has removed.
    """
    return _published_release(lake, dataflow, release_id, read_moves(lake.pointer(dataflow)))


def releases(lake: Lake, dataflow: Identity) -> tuple[tuple[Release, bool], ...]:
    """Return every published release, newest publication first, and whether it is current."""
    moves = read_moves(lake.pointer(dataflow))
    return tuple(
        (read_release(lake, dataflow, release_id), release_id == moves[-1].release)
        for release_id in reversed(_published_ids(moves))
    )


def rollback(lake: Lake, dataflow: Identity, release_id: str, *, by: str) -> Release:
    """Make a published release current again; `by` says who wants it.

    Raise what `release` raises if there is no such release. If it is current, change nothing.
    """
    pointer = lake.pointer(dataflow)
    moves = read_moves(pointer)
    wanted = _published_release(lake, dataflow, release_id, moves)
    while moves[-1].release != wanted.id:
        check_not_removed(dataflow, wanted.id, moves)
        append_move(pointer, moves, wanted.id, "rollback", by, clock=lake.clock)
        moves = read_moves(pointer)
    return wanted


def read_release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a release, published or not, as its document says."""
    return read_document(Release, document_of(lake, dataflow, release_id))


def document_of(lake: Lake, dataflow: Identity, release_id: str) -> Location:
    """Return the place of a release's document."""
    return lake.releases(dataflow) / f"{release_id}.json"


def _published_release(
    lake: Lake, dataflow: Identity, release_id: str, moves: tuple[Move, ...]
) -> Release:
    published = _published_ids(moves)
    if release_id not in published:
        check_not_removed(dataflow, release_id, moves)
        raise UnknownNameError("release", release_id, published, of=f"dataflow '{dataflow}'")
    return read_release(lake, dataflow, release_id)


def _published_ids(moves: tuple[Move, ...]) -> list[str]:
    """Return the ids of the releases that were published and not removed, oldest first."""
    removed = removed_releases(moves)
    moved_to = dict.fromkeys(move.release for move in moves)
    return [release_id for release_id in moved_to if release_id not in removed]
