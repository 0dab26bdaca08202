"""How files pass from the spool, where anybody may write, into the lake."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from isthmus_platform.errors import SpoolError

_READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class Taken:
    """Say what a file that was taken over really is."""

    bytes: int
    sha256: str


def survey(spool: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the plain files in the spool by relative path, and what is wrong with the rest."""
    files: set[str] = set()
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


def take_over(spool: Path, name: str, target: Path) -> Taken:
    """Move a file out of the spool (or copy it from another disk or owner), and hash it there.

    No link below the spool is followed, even one that was put there a moment ago. The file is
    read-only afterwards. Raise `SpoolError` if it turns out to be a link.
    """
    path = PurePosixPath(name)
    with _parent(spool, path) as parent:
        if os.stat(path.name, dir_fd=parent, follow_symlinks=False).st_uid != os.geteuid():
            _copy(parent, path.name, target)
        else:
            _move(parent, path.name, target)
    descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise SpoolError(str(spool), [f"{name!r} is a link or no plain file"])
        os.fchmod(descriptor, _READ_ONLY)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(descriptor)
    return Taken(status.st_size, digest)


@contextmanager
def _parent(spool: Path, path: PurePosixPath) -> Iterator[int]:
    with ExitStack() as stack:
        descriptor = os.open(spool, os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, descriptor)
        for part in path.parent.parts:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            descriptor = os.open(part, flags, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor


def _move(parent: int, name: str, target: Path) -> None:
    try:
        os.rename(name, target, src_dir_fd=parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(parent, name, target)


def _copy(parent: int, name: str, target: Path) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=parent), "rb") as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
