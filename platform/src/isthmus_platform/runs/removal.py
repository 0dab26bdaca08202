"""Removing the records of old runs, a few at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice, takewhile
from pathlib import Path

from isthmus_contracts import Identity
from isthmus_platform.runs.index import IndexEntry, add_entry, index_entries
from isthmus_platform.runs.record import RunRecord, index_of

MOST_AT_ONCE = 50


def remove_old_runs(
    root: Path, dataflow: Identity, before: datetime, is_active: Callable[[str], bool]
) -> int:
    """Remove the records of runs that started before a time; return how many were removed.

    Keep a run of which an attempt began later, and one that `is_active`. Look at the oldest
    `MOST_AT_ONCE` entries of the index and no others: the next call continues, also after an
    interruption. Raise `OSError` if something could not be removed.
    """
    removed = 0
    left: list[Path] = []
    index = index_of(root, dataflow)
    entries = takewhile(lambda entry: entry.started_at < before, index_entries(index))
    for entry in islice(entries, MOST_AT_ONCE):
        record = RunRecord(root, dataflow, entry.run)
        latest = _latest_attempt(record)
        if latest is not None and latest >= before:
            add_entry(index, entry.run, latest)  # so that nobody looks at it before it is due
            _remove_entry(entry)
        elif not is_active(entry.run):
            remains = _remove(record)
            if remains.exists():
                left.append(remains)
            else:
                _remove_entry(entry)
                removed += 1
    if left:
        raise OSError(f"{left[0]} could not be removed")
    return removed


def _latest_attempt(record: RunRecord) -> datetime | None:
    """Return when a file was last created in a record, as each attempt does; None without one."""
    try:
        return datetime.fromtimestamp(record.directory.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _remove_entry(entry: IndexEntry) -> None:
    entry.path.unlink(missing_ok=True)
    with suppress(OSError):  # the day has other runs
        entry.path.parent.rmdir()


def _remove(record: RunRecord) -> Path:
    """Remove what a run left; return a path that exists if the record could not be removed.

    The record is renamed first, so that a reader finds all of it or nothing.
    """
    shutil.rmtree(record.work, ignore_errors=True)
    renamed = record.directory.with_name(f".{record.directory.name}")  # no record's own name
    shutil.rmtree(renamed, ignore_errors=True)  # left by an interrupted removal
    with suppress(FileNotFoundError):
        record.directory.rename(renamed)
    shutil.rmtree(renamed, ignore_errors=True)
    return renamed
