"""Tombstone: removing old releases, and the files that no kept release needs.

What it takes is said in documents before it looks at what is needed; then files are deleted, in
any order. So it may be killed at any point, and a publication or a rollback at the same time either
is seen here or sees it; see `docs/adr/0009-cleaning.md`. The logs of Delta tables stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from isthmus_contracts import Identity
from isthmus_platform.errors import UserError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import documents_in, read_document, write_once
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, read_moves, try_remove
from isthmus_platform.lake.releases.queries import outputs_of
from isthmus_platform.lake.releases.tombstones import Tombstone, instant, removed
from isthmus_platform.storage import Location, Stored

_DRAFTS_STAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what a cleaning removes: releases by dataflow, and files that nothing needs."""

    releases: tuple[tuple[Identity, Release], ...]
    files: tuple[Stored, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.bytes for file in self.files)


def retention(keep_days: float, *, force: bool = False) -> timedelta:
    """Return for how long things are kept, or raise `UserError` for less than a day.

    A run that is under way has files in the lake that no release names; their age protects them.
    `force` allows any time, for when nothing runs.
    """
    if not 0 <= keep_days <= timedelta.max.days or (keep_days < 1 and not force):
        raise UserError(
            f"keep-days is {keep_days:g}; allowed: 1 or more, or with --force 0 or more, which "
            "takes files away from runs that are under way"
        )
    return timedelta(days=keep_days)


def plan_collection(lake: Lake, keep: timedelta, dataflow: Identity | None = None) -> Plan:
    """Return what a cleaning would remove now, and change nothing.

    With `dataflow`, only its releases and files, else those of all dataflows and of the sources.
    Raise `LakeUnavailableError` or `LakeError` for a lake that cannot be read.
    """
    now = lake.clock()
    old = {
        each: _old_releases(lake, each, read_moves(lake.pointer(each)), now - keep)
        for each in _chosen(lake, dataflow)
    }
    return _plan(lake, now, now - keep, dataflow, old)


def collect_garbage(
    lake: Lake, keep: timedelta, dataflow: Identity | None = None, *, by: str
) -> Plan:
    """Remove releases and files as `plan_collection` finds them, and return what was removed.

    A release stays if the pointer stood on it within `keep`; its files stay, and the versions that
    it read. `by` says who wants it. If it is interrupted, doing it again finishes it.
    """
    with translated(lake):
        now = lake.clock()
        scope = None if dataflow is None else str(dataflow)
        plan = plan_collection(lake, keep, dataflow)
        if not plan.releases and not plan.files:
            return plan
        document = Tombstone((now - keep).isoformat(), scope, by)
        write_once(lake.tombstones() / f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.json", document)
        old = {each: _remove(lake, each, now - keep, by) for each in _chosen(lake, dataflow)}
        # Only now: whoever has written a document since sees what was said above.
        plan = _plan(lake, now, now - keep, dataflow, old)
        for file in plan.files:
            lake.store.remove(file.key)
        return plan


def _chosen(lake: Lake, dataflow: Identity | None) -> tuple[Identity, ...]:
    return lake.dataflows() if dataflow is None else (dataflow,)


def _remove(lake: Lake, dataflow: Identity, before: datetime, by: str) -> tuple[Release, ...]:
    """Say in the pointer which releases are none any more; return them."""
    pointer = lake.pointer(dataflow)
    while True:
        moves = read_moves(pointer)
        old = _old_releases(lake, dataflow, moves, before)
        names = tuple(release.id for release in old)
        if not old or try_remove(pointer, moves, names, by, clock=lake.clock):
            return old


def _old_releases(
    lake: Lake, dataflow: Identity, moves: tuple[Move, ...], before: datetime
) -> tuple[Release, ...]:
    """Return the releases on which the pointer has not stood since, published or not.

    Where nothing was published yet, there is no pointer that could say that one is removed.
    """
    if not moves:
        return ()
    limit = before.timestamp()
    kept = {moves[-1].release}
    for move in moves:
        if instant(move.at) >= limit:
            kept |= {move.release, move.previous or move.release}
    return tuple(
        document
        for document in _documents(lake, dataflow)
        if document.id not in kept | removed(moves) and instant(document.created_at) < limit
    )


def _documents(lake: Lake, dataflow: Identity) -> tuple[Release, ...]:
    return tuple(read_document(Release, each) for each in documents_in(lake.releases(dataflow)))


def _plan(
    lake: Lake,
    now: datetime,
    before: datetime,
    dataflow: Identity | None,
    old: dict[Identity, tuple[Release, ...]],
) -> Plan:
    needed = _needed(lake, old)
    found: list[Stored] = []
    for each in _chosen(lake, dataflow):
        for directory in (*lake.outputs(each), lake.checkpoints(each)):
            found += _remains(directory, before, needed)
        for directory in (lake.releases(each), lake.pointer(each)):
            found += _drafts(directory, now - _DRAFTS_STAY)
    if dataflow is None:
        for directory in lake.source_tables():
            found += _remains(directory, before, needed)
        found += _drafts(lake.tombstones(), now - _DRAFTS_STAY)
    gone = tuple((name, each) for name, some in old.items() for each in some)
    return Plan(gone, tuple(found))


def _needed(lake: Lake, old: dict[Identity, tuple[Release, ...]]) -> frozenset[str]:
    """Return the files of every release that stays, published or not, and of what it read."""
    files: set[str] = set()
    versions: set[tuple[str, int]] = set()
    with translated(lake):
        for dataflow in lake.dataflows():
            gone = removed(read_moves(lake.pointer(dataflow)))
            gone |= {each.id for each in old.get(dataflow, ())}
            for release in _documents(lake, dataflow):
                if release.id not in gone:
                    files.update(each.key for each in outputs_of(lake, release))
                    versions |= {(pin.table, pin.version) for pin in release.inputs.values()}
        for table, version in versions:
            files.update(each.key for each in files_of(lake.path(table), version))
    return frozenset(files)


def _remains(folder: Location, before: datetime, needed: frozenset[str]) -> Iterator[Stored]:
    """Yield the old files of a table, or of a file's folder, that nothing needs."""
    log = f"{folder.key}/_delta_log/"
    for each in folder.walk():
        if not each.key.startswith(log) and each.key not in needed and each.modified < before:
            yield each


def _drafts(folder: Location, before: datetime) -> Iterator[Stored]:
    """Yield what writers of documents have left behind when they were killed."""
    yield from (draft for draft in folder.store.drafts(folder.key) if draft.modified < before)
