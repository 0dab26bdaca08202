"""The files in a runner's directory of checkpoints, and their invariants."""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

_KNOWN = re.compile(r"[0-9a-f]{64}\.checkpoint|[0-9a-f]{32}\.part|\.lock")


def contents(directory: Path) -> dict[str, str]:
    """Return the name of each checkpoint, and a digest of its file."""
    files = sorted(directory.glob("*.checkpoint"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def parts(directory: Path) -> list[Path]:
    """Return the files that a runner writes, or has left when it was killed."""
    return sorted(directory.glob("*.part"))


def unknown_files(directory: Path) -> Iterator[str]:
    """Yield a problem for each file that does not belong there."""
    for path in directory.glob("*"):
        if not _KNOWN.fullmatch(path.name):
            yield f"a file that has no place beside checkpoints was left behind: {path.name}"


def held_locks(directory: Path) -> Iterator[str]:
    """Yield a problem if somebody holds the lock."""
    lock = directory / ".lock"
    if lock.exists():
        with lock.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield "a lock was left behind: that of the checkpoints"
