"""Which releases a dataflow has, and which of them is current."""

from __future__ import annotations

from isthmus_contracts import Identity, UnknownNameError
from isthmus_platform.lake.documents import read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release, document_of, number_of
from isthmus_platform.lake.releases.pointer import (
    Move,
    is_published,
    last_move,
    moves_to,
    read_move,
)
from isthmus_platform.lake.releases.tombstones import check_not_removed

_NAMED_IN_ERRORS = 20


def pin(release: Release, table: str) -> Pin:
    """Return the pin with which another run reads a table of this release.

    Raise `UnknownNameError` if it has no such table.
    """
    if table not in release.tables:
        raise UnknownNameError("table", table, release.tables, of=f"release {release.id}")
    return Pin(release.tables[table].path, release.tables[table].version, release.id)


def current(lake: Lake, dataflow: Identity) -> Release | None:
    """Return the release that readers get, or None if there was no publication yet."""
    move = last_move(lake.pointer(dataflow))
    return read_release(lake, dataflow, move.release) if move else None


def release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a published release.

    Raise `UnknownNameError`, which lists the newest ones, or `RemovedReleaseError` for a release
    that garbage collection has removed.
    """
    check_exists(lake, dataflow, release_id, last_move(lake.pointer(dataflow)))
    return read_release(lake, dataflow, release_id)


def releases(lake: Lake, dataflow: Identity) -> tuple[tuple[Release, bool], ...]:
    """Return every published release, newest publication first, and whether it is current."""
    last = last_move(lake.pointer(dataflow))
    if last is None:
        return ()
    return tuple(
        (read_release(lake, dataflow, release_id), release_id == last.release)
        for release_id in _published_ids(lake, dataflow, last, last.oldest)
    )


def check_exists(lake: Lake, dataflow: Identity, release_id: str, last: Move | None) -> None:
    """Raise what `release` raises if a release did not exist when the move `last` was made."""
    pointer = lake.pointer(dataflow)
    if last is not None and is_published(pointer, last, release_id):
        check_not_removed(lake, dataflow, release_id, last)
        return
    known: tuple[str, ...] = ()
    if last is not None:
        first = max(last.oldest, last.number - _NAMED_IN_ERRORS)
        known = _published_ids(lake, dataflow, last, first)
    raise UnknownNameError("release", release_id, known, of=f"dataflow '{dataflow}'")


def withdrawal_of(lake: Lake, dataflow: Identity, release_id: str) -> Move | None:
    """Return the rollback that withdrew a published release, if it was not made current again.

    A rollback withdraws every release that is newer than the one it makes current. To find it
    costs a request for each move since the release was published.
    """
    pointer, number = lake.pointer(dataflow), number_of(release_id)
    last = last_move(pointer)
    if last is None or not is_published(pointer, last, release_id):
        return None
    for later in range(last.number, number, -1):
        move = last if later == last.number else read_move(pointer, later)
        if move.release == release_id:
            return None
        if move.reason == "rollback" and number_of(move.release) < number:
            return move
    return None


def read_release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a release, published or not, as its document says."""
    return read_document(Release, document_of(lake, dataflow, release_id))


def _published_ids(lake: Lake, dataflow: Identity, last: Move, first: int) -> tuple[str, ...]:
    """Return the releases that exist, newest first, as far as moves since the `first` name them."""
    moves = moves_to(lake.pointer(dataflow), last, first)
    found = {*last.kept, *(move.release for move in moves)}
    return tuple(sorted(found, key=number_of, reverse=True))
