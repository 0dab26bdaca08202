"""The index of a dataflow's runs by day: one small file for each run.

The file `<yyyy-mm-dd>/<HHMMSSffffff>-<digest>` contains a run's id. Day and time are those of the
run's start, in UTC, so the names alone tell the order of the runs: the newest and the oldest are
found without looking at the others.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from isthmus_platform.storage.local_files import write_text

_DAY, _TIME = "%Y-%m-%d", "%H%M%S%f"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Say which run started when; the entry is the file at `path`.

    The start is that of the run's first task, or, once the run would have been removed but for a
    later attempt, of that attempt.
    """

    path: Path
    run: str
    started_at: datetime


def add_entry(index: Path, run: str, started_at: datetime) -> None:
    """Write the entry of a run."""
    at = started_at.astimezone(UTC)
    write_text(index / at.strftime(_DAY) / f"{at.strftime(_TIME)}-{digest(run)}", run)


def index_entries(index: Path, *, newest_first: bool = False) -> Iterator[IndexEntry]:
    """Yield the entries by their start, and read each day and each entry only when it is due.

    Omit what is not a whole entry: a power cut may have truncated it.
    """
    for day in _names(index, newest_first=newest_first):
        for name in _names(index / day, newest_first=newest_first):
            entry = _read(index / day / name)
            if entry is not None:
                yield entry


def digest(run: str) -> str:
    """Return 16 characters that stand for a run's id."""
    return hashlib.sha256(run.encode()).hexdigest()[:16]


def _names(directory: Path, *, newest_first: bool) -> list[str]:
    try:
        return sorted(os.listdir(directory), reverse=newest_first)  # noqa: PTH208 - only names
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: Path) -> IndexEntry | None:
    time, _, expected = path.name.partition("-")
    try:
        started_at = datetime.strptime(f"{path.parent.name} {time} +0000", f"{_DAY} {_TIME} %z")
        run = path.read_bytes().decode()  # as text, an id with \r would be read as another
    except (ValueError, FileNotFoundError):  # FileNotFoundError: it has just been removed
        return None
    return IndexEntry(path, run, started_at) if digest(run) == expected else None
