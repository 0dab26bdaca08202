"""How files pass from the spool, where anybody may write, into the lake."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Event

from isthmus_platform.errors import SpoolError

_CHUNK_BYTES = 1 << 19
_PATIENCE_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Taken:
    """Say what a file that was taken over really is."""

    bytes: int
    sha256: str


def survey(spool: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the plain files in the spool by relative path, and what is wrong with the rest."""
    files: set[str] = set()
    if spool.is_symlink():
        return frozenset(), ("it is a link itself",)
    problems: list[str] = []
    for folder, folders, names in os.walk(
        spool, onerror=lambda error: problems.append(f"it cannot be listed: {error}")
    ):
        for name in (*folders, *names):
            path = Path(folder, name)
            shown = path.relative_to(spool).as_posix()
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                files.add(shown)
            elif stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode):
                problems.append(f"{shown!r} is a link")
            elif not stat.S_ISDIR(status.st_mode):
                problems.append(f"{shown!r} is no plain file")
    return frozenset(files), tuple(problems)


def take_over(
    spool: Path, name: str, target: Path, hashing: Executor, most: int | None = None
) -> Future[Taken]:
    """Copy a file of `most` bytes out of the spool; what was copied is found out beside.

    It is a copy because whoever still has the spool's file open could write into a moved one. No
    link is followed, even one that was put there a moment ago.
    Raise `SpoolError` if it turns out to be a link or larger, or cannot be opened.
    """
    path = PurePosixPath(name)
    try:
        with _parent(spool, path) as parent:
            opener = partial(_open, parent)
            staged = open(path.name, "rb", opener=opener)  # noqa: SIM115 - no Path has it
    except OSError as error:
        raise SpoolError(str(spool), [f"{name!r} cannot be opened: {error.strerror}"]) from error
    is_copied = Event()
    with staged, ExitStack() as after, target.open("xb") as taken:
        after.callback(is_copied.set)
        examined = hashing.submit(_examine, target, is_copied)
        status = os.fstat(staged.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise SpoolError(str(spool), [f"{name!r} is a link or no plain file"])
        chunk = memoryview(bytearray(_CHUNK_BYTES))
        size = status.st_size  # of one with holes, before they are written out
        while most is None or size <= most:
            count = staged.readinto(chunk)
            if not count:
                return examined
            taken.write(chunk[:count])
            size = max(size, taken.tell())  # somebody may still write to it
        raise SpoolError(str(spool), [f"{name!r} is larger than {most:,} bytes"])


def _examine(path: Path, is_copied: Event) -> Taken:
    """Return what a file that is being copied is in the end: its bytes as they are read back."""
    digest = hashlib.sha256()
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        is_whole = False
        while not is_whole:
            is_whole = is_copied.wait(_PATIENCE_SECONDS)  # then what is read now is the rest
            while count := file.readinto(chunk):
                digest.update(chunk[:count])
        return Taken(file.tell(), digest.hexdigest())


def _open(parent: int, name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)


@contextmanager
def _parent(spool: Path, path: PurePosixPath) -> Iterator[int]:
    with ExitStack() as stack:
        descriptor = os.open(spool, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, descriptor)
        for part in path.parent.parts:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            descriptor = os.open(part, flags, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor
