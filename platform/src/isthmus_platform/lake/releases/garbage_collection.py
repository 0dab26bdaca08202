"""Garbage collection: removing old releases, and old files that no remaining release needs.

A tombstone says which files may be removed before the needed files are read; then files are
removed in any order, while they are listed. So garbage collection may be killed at any point, and
the next one goes on; of a publication or rollback at the same time, one sees the other; decision 9
says how. Logs of Delta tables are not removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeAlias
from uuid import uuid4

from isthmus_contracts import Identity
from isthmus_platform.errors import UserError
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release, document_of, number_of
from isthmus_platform.lake.releases.pointer import (
    Move,
    append_removal,
    last_move,
    moves_to,
    read_move,
)
from isthmus_platform.lake.releases.references import References, prepared, references
from isthmus_platform.lake.releases.tombstones import Tombstone, remove_covered, timestamp
from isthmus_platform.storage import Location, Stored

_DRAFTS_STAY = timedelta(days=1)
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class OldRelease:
    """Name a release that garbage collection removes, and when it was published or prepared."""

    dataflow: Identity
    id: str
    at: str


Garbage: TypeAlias = OldRelease | Stored
"""What garbage collection finds: releases, and files that no remaining release needs."""


@dataclass(frozen=True, slots=True)
class _Remaining:
    """Hold what a garbage collection leaves of a dataflow's releases, and what it removes."""

    last: Move
    oldest: int
    kept: tuple[str, ...]
    old: tuple[OldRelease, ...]


def retention(keep_days: float, *, force: bool = False) -> timedelta:
    """Return the time that `keep_days` means, or raise `UserError` for less than a day.

    No release names the files of runs in progress yet; only their age protects them. `force` allows
    any time, for a lake that no run uses.
    """
    if not 0 <= keep_days <= timedelta.max.days or (keep_days < 1 and not force):
        raise UserError(
            f"keep-days is {keep_days:g}; allowed: 1 or more, or with --force 0 or more, which "
            "removes files of runs in progress"
        )
    return timedelta(days=keep_days)


def find_garbage(
    lake: Lake, keep: timedelta, dataflow: Identity | None = None
) -> Iterator[Garbage]:
    """Yield what garbage collection would remove now, and change nothing.

    With `dataflow`, only its releases and files, else those of all dataflows and of the sources.
    Raise `LakeUnavailableError` or `LakeError` for a lake that cannot be read.
    """
    with translated(lake), references() as needed:
        yield from _find(lake, lake.clock(), keep, dataflow, needed)


def collect_garbage(
    lake: Lake,
    keep: timedelta,
    dataflow: Identity | None = None,
    *,
    by: str,
    on_removed: Callable[[Garbage], None] = lambda _: None,
) -> None:
    """Remove releases and files as `find_garbage` finds them, and call `on_removed` with each.

    A release that was current within `keep` stays, with its files and the versions of its inputs.
    `by` says who wants this. If it is interrupted, the next garbage collection goes on where it
    ended: what was removed is gone, whatever remains is found again.
    """
    with translated(lake):
        now = lake.clock()
        with references() as needed:
            if next(_find(lake, now, keep, dataflow, needed), None) is None:
                return
        scope = None if dataflow is None else str(dataflow)
        tombstone = Tombstone((now - keep).isoformat(), scope, by)
        place = lake.tombstones() / f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.json"
        write_once(place, tombstone)
        for identity in _selected(lake, dataflow):
            for release in _remove_releases(lake, identity, now - keep, by):
                on_removed(release)
        with references() as needed:
            # Only now: a publication that writes its document later sees the tombstone.
            needed.add(lake, {})
            files = _unneeded(lake, now, keep, dataflow, needed)
            while some := tuple(islice(files, _AT_ONCE)):
                lake.store.remove(*(file.key for file in some))
                for file in some:
                    on_removed(file)
        remove_covered(lake, tombstone, place.name)


def _find(
    lake: Lake, now: datetime, keep: timedelta, dataflow: Identity | None, needed: References
) -> Iterator[Garbage]:
    old: dict[Identity, frozenset[str]] = {}
    for identity in _selected(lake, dataflow):
        if found := _remaining(lake, identity, now - keep):
            yield from found.old
            old[identity] = frozenset(release.id for release in found.old)
    needed.add(lake, old)
    yield from _unneeded(lake, now, keep, dataflow, needed)


def _selected(lake: Lake, dataflow: Identity | None) -> tuple[Identity, ...]:
    return lake.dataflows() if dataflow is None else (dataflow,)


def _remove_releases(
    lake: Lake, dataflow: Identity, before: datetime, by: str
) -> tuple[OldRelease, ...]:
    """Record the removal of old releases in the pointer, and return them."""
    while True:
        found = _remaining(lake, dataflow, before)
        if found is None or not found.old:
            return ()
        pointer = lake.pointer(dataflow)
        if append_removal(pointer, found.last, found.oldest, found.kept, by, clock=lake.clock):
            return found.old


def _remaining(lake: Lake, dataflow: Identity, before: datetime) -> _Remaining | None:
    """Return what remains without releases, published or not, that were not current since `before`.

    Return None before the first move: only a pointer can say that a release is removed.
    """
    pointer = lake.pointer(dataflow)
    last = last_move(pointer)
    if last is None:
        return None
    moves = {move.number: move for move in moves_to(pointer, last, last.oldest)}
    limit = before.timestamp()
    recent = (number for number, move in moves.items() if timestamp(move.at) >= limit)
    # The release before the first recent move was current until then.
    oldest = max(last.oldest, min(recent, default=last.number + 1) - 1)
    current = {move.release for number, move in moves.items() if number >= oldest}
    old = []
    for release in {*last.kept, *(move.release for move in moves.values())} - current:
        number = number_of(release)
        published = moves.get(number) or read_move(pointer, number)
        old.append(OldRelease(dataflow, release, published.at))
    old.sort(key=lambda release: number_of(release.id))
    for release in prepared(lake, dataflow, last):
        at = read_document(Release, document_of(lake, dataflow, release)).created_at
        if timestamp(at) < limit:
            old.append(OldRelease(dataflow, release, at))
    kept = sorted(release for release in current if number_of(release) < oldest)
    return _Remaining(last, oldest, tuple(kept), tuple(old))


def _unneeded(
    lake: Lake, now: datetime, keep: timedelta, dataflow: Identity | None, needed: References
) -> Iterator[Stored]:
    """Yield the old files that nothing needs, and the old drafts of writers that were killed."""
    folders = [] if dataflow is not None else [*lake.source_tables()]
    documents = [] if dataflow is not None else [lake.tombstones()]
    for identity in _selected(lake, dataflow):
        folders += [*lake.outputs(identity), lake.checkpoints(identity), lake.accepted(identity)]
        documents += [lake.releases(identity), lake.pointer(identity), lake.accepted(identity)]
    for folder in folders:
        yield from _old_files(folder, now - keep, needed)
    for folder in documents:
        drafts = folder.store.drafts(folder.key)
        yield from (draft for draft in drafts if draft.modified < now - _DRAFTS_STAY)


def _old_files(folder: Location, before: datetime, needed: References) -> Iterator[Stored]:
    log = f"{folder.key}/_delta_log/"
    for file in folder.walk():
        if file.modified < before and not file.key.startswith(log) and file.key not in needed:
            yield file
