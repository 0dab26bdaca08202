"""Garbage collection: removing old releases, and old files that no remaining release needs.

A tombstone says which files may be removed before the needed files are read; then files are
removed in any order. So garbage collection may be killed at any point, and of a publication or
rollback at the same time, one sees the other; decision 9 says how. Logs of Delta tables
are not removed.
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
from isthmus_platform.lake.releases.pointer import Move, append_removal, read_moves
from isthmus_platform.lake.releases.queries import all_files
from isthmus_platform.lake.releases.tombstones import Tombstone, removed_releases, timestamp
from isthmus_platform.storage import Location, Stored

_DRAFTS_STAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what garbage collection removes: releases by dataflow, and files that nothing needs."""

    releases: tuple[tuple[Identity, Release], ...]
    files: tuple[Stored, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.bytes for file in self.files)


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


def plan_collection(lake: Lake, keep: timedelta, dataflow: Identity | None = None) -> Plan:
    """Return what garbage collection would remove now, and change nothing.

    With `dataflow`, only its releases and files, else those of all dataflows and of the sources.
    Raise `LakeUnavailableError` or `LakeError` for a lake that cannot be read.
    """
    now = lake.clock()
    old = {
        identity: _old_releases(lake, identity, read_moves(lake.pointer(identity)), now - keep)
        for identity in _selected(lake, dataflow)
    }
    return _plan(lake, now, now - keep, dataflow, old)


def collect_garbage(
    lake: Lake, keep: timedelta, dataflow: Identity | None = None, *, by: str
) -> Plan:
    """Remove releases and files as `plan_collection` finds them, and return what was removed.

    A release that was current within `keep` stays, with its files and the versions of its inputs.
    `by` says who wants this. If it is interrupted, the next garbage collection finishes it.
    """
    with translated(lake):
        now = lake.clock()
        scope = None if dataflow is None else str(dataflow)
        plan = plan_collection(lake, keep, dataflow)
        if not plan.releases and not plan.files:
            return plan
        document = Tombstone((now - keep).isoformat(), scope, by)
        write_once(lake.tombstones() / f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}.json", document)
        old = {
            identity: _remove_releases(lake, identity, now - keep, by)
            for identity in _selected(lake, dataflow)
        }
        # Only now: a publication that writes its document later sees the tombstone.
        plan = _plan(lake, now, now - keep, dataflow, old)
        for file in plan.files:
            lake.store.remove(file.key)
        return plan


def _selected(lake: Lake, dataflow: Identity | None) -> tuple[Identity, ...]:
    return lake.dataflows() if dataflow is None else (dataflow,)


def _remove_releases(
    lake: Lake, dataflow: Identity, before: datetime, by: str
) -> tuple[Release, ...]:
    """Record the removal of old releases in the pointer, and return them."""
    pointer = lake.pointer(dataflow)
    while True:
        moves = read_moves(pointer)
        old = _old_releases(lake, dataflow, moves, before)
        names = tuple(release.id for release in old)
        if not old or append_removal(pointer, moves, names, by, clock=lake.clock):
            return old


def _old_releases(
    lake: Lake, dataflow: Identity, moves: tuple[Move, ...], before: datetime
) -> tuple[Release, ...]:
    """Return the releases, published or not, that are old and were not current since `before`.

    Without a move there is no release to return: only a pointer can say that one is removed.
    """
    if not moves:
        return ()
    limit = before.timestamp()
    recent = {moves[-1].release}
    for move in moves:
        if timestamp(move.at) >= limit:
            recent |= {move.release, move.previous or move.release}
    return tuple(
        document
        for document in _documents(lake, dataflow)
        if document.id not in recent | removed_releases(moves)
        and timestamp(document.created_at) < limit
    )


def _documents(lake: Lake, dataflow: Identity) -> tuple[Release, ...]:
    documents = documents_in(lake.releases(dataflow))
    return tuple(read_document(Release, document) for document in documents)


def _plan(
    lake: Lake,
    now: datetime,
    before: datetime,
    dataflow: Identity | None,
    old: dict[Identity, tuple[Release, ...]],
) -> Plan:
    needed = _needed(lake, old)
    files: list[Stored] = []
    for identity in _selected(lake, dataflow):
        for folder in (*lake.outputs(identity), lake.checkpoints(identity)):
            files += _unneeded(folder, before, needed)
        for folder in (lake.releases(identity), lake.pointer(identity)):
            files += _drafts(folder, now - _DRAFTS_STAY)
    if dataflow is None:
        for folder in lake.source_tables():
            files += _unneeded(folder, before, needed)
        files += _drafts(lake.tombstones(), now - _DRAFTS_STAY)
    releases = ((identity, release) for identity, some in old.items() for release in some)
    return Plan(tuple(releases), tuple(files))


def _needed(lake: Lake, old: dict[Identity, tuple[Release, ...]]) -> frozenset[str]:
    """Return the files of every remaining release, published or not, and of its inputs."""
    files: set[str] = set()
    versions: set[tuple[str, int]] = set()
    with translated(lake):
        for dataflow in lake.dataflows():
            removed = removed_releases(read_moves(lake.pointer(dataflow)))
            removed |= {release.id for release in old.get(dataflow, ())}
            for release in _documents(lake, dataflow):
                if release.id not in removed:
                    files.update(file.key for file in all_files(lake, release))
                    versions |= {(pin.table, pin.version) for pin in release.inputs.values()}
        for table, version in versions:
            files.update(file.key for file in files_of(lake.path(table), version))
    return frozenset(files)


def _unneeded(folder: Location, before: datetime, needed: frozenset[str]) -> Iterator[Stored]:
    """Yield the old files in the folder of an output or table that nothing needs."""
    log = f"{folder.key}/_delta_log/"
    for file in folder.walk():
        if not file.key.startswith(log) and file.key not in needed and file.modified < before:
            yield file


def _drafts(folder: Location, before: datetime) -> Iterator[Stored]:
    """Yield the old drafts of documents whose writers were killed."""
    yield from (draft for draft in folder.store.drafts(folder.key) if draft.modified < before)
