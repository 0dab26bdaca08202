"""Copying files out of the staging directory, to which other processes may still write."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath
from threading import Event

from isthmus_contracts.formatting import counted
from isthmus_platform.errors import StagingError

_CHUNK_BYTES = 1 << 19
_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Hold the size and the digest of a file's content."""

    bytes: int
    sha256: str


def scan(staging: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the paths of regular files in the staging directory, and problems with all others."""
    files: set[str] = set()
    if staging.is_symlink():
        return frozenset(), ("it is a link itself",)
    problems: list[str] = []
    for folder, folders, names in os.walk(
        staging, onerror=lambda error: problems.append(f"it cannot be listed: {error}")
    ):
        for name in (*folders, *names):
            path = Path(folder, name)
            shown = path.relative_to(staging).as_posix()
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                files.add(shown)
            elif stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode):
                problems.append(f"{shown!r} is a link")
            elif not stat.S_ISDIR(status.st_mode):
                problems.append(f"{shown!r} is not a regular file")
    return frozenset(files), tuple(problems)


def safe_copy(
    staging: Path, name: str, target: Path, hashing: Executor, limit: int | None = None
) -> Future[FileDigest]:
    """Copy a file of at most `limit` bytes out of the staging directory; hash the copy meanwhile.

    The file is copied, not moved: a process that still has it open could write to a moved file.
    No link is followed, even one that was created a moment ago. Raise `StagingError` if the file is
    a link, is larger, or cannot be opened.
    """
    is_copied = Event()
    with (
        open_staged(staging, name) as staged,
        ExitStack() as after,
        target.open("xb") as copied,
    ):
        after.callback(is_copied.set)
        result = hashing.submit(_hash, target, is_copied)
        chunk = memoryview(bytearray(_CHUNK_BYTES))
        size = os.fstat(staged.fileno()).st_size  # a sparse file is large before it is copied
        while limit is None or size <= limit:
            count = staged.readinto(chunk)
            if not count:
                return result
            copied.write(chunk[:count])
            size = max(size, copied.tell())  # another process may still append to it
        raise StagingError(str(staging), [f"{name!r} is larger than {counted(limit, 'byte')}"])


def open_staged(staging: Path, name: str, limit: int | None = None) -> FileIO:
    """Open a file of the staging directory to read it; follow no link.

    Raise `StagingError` if it is a link or not a regular file, has more than `limit` bytes, or
    cannot be opened.
    """
    path = PurePosixPath(name)
    try:
        with _open_parent(staging, path) as parent:
            opener = partial(_open, parent)
            staged = open(path.name, "rb", buffering=0, opener=opener)  # noqa: SIM115
    except OSError as error:
        problem = f"{name!r} cannot be opened: {error.strerror}"
        raise StagingError(str(staging), [problem]) from error
    status = os.fstat(staged.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        problem = f"{name!r} is a link or not a regular file"
    elif limit is not None and status.st_size > limit:
        # A sparse file is large before it is copied.
        problem = f"{name!r} is larger than {counted(limit, 'byte')}"
    else:
        return staged
    staged.close()
    raise StagingError(str(staging), [problem])


def _hash(path: Path, is_copied: Event) -> FileDigest:
    """Return the size and digest of a file that is being copied, read back until it is whole."""
    digest = hashlib.sha256()
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        is_whole = False
        while not is_whole:
            is_whole = is_copied.wait(_POLL_SECONDS)  # if so, the next reads reach the end
            while count := file.readinto(chunk):
                digest.update(chunk[:count])
        return FileDigest(file.tell(), digest.hexdigest())


def _open(parent: int, name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)


@contextmanager
def _open_parent(staging: Path, path: PurePosixPath) -> Iterator[int]:
    with ExitStack() as stack:
        descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, descriptor)
        for part in path.parent.parts:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            descriptor = os.open(part, flags, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor
