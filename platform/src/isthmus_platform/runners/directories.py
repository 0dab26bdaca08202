"""Measure and remove directories that a runner has written in, whatever it has left there.

The platform imports these functions. It also runs this file by its path, with `python -I -S`, as
the Unix user of a runner, where only that user may list what it has made. So this file needs only
the standard library. Its commands are `usage DIRECTORY...`, which prints bytes, and
`empty DIRECTORY...`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_BLOCK_BYTES = 512
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def main(command: str, *directories: str) -> int:
    """Execute the command; return the exit status."""
    if command == "usage":
        sys.stdout.write(f"{usage(*directories)}\n")
    else:
        for directory in directories:
            empty(directory)
    return 0


def usage(*directories: str) -> int:
    """Return the bytes in and below directories, without following links.

    An entry without content counts as a block. What is deleted meanwhile counts as nothing. Raise
    `OSError` for a directory that cannot be listed, because it may hold anything.
    """
    size = 0
    folders = [directory for directory in directories if not Path(directory).is_symlink()]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            # A sparse file takes few blocks here, and its whole size where it is copied to.
            size += max(status.st_size, status.st_blocks * _BLOCK_BYTES, _BLOCK_BYTES)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return size


def empty(directory: str) -> None:
    """Remove everything in a directory, however deep it is; follow no link.

    Directories are lifted to the top before they are removed, so neither the length of a path nor
    the depth of a recursion limits this. Raise `OSError` for what this user may not remove.
    """
    with _opened(directory, None) as top:
        while names := os.listdir(top):  # noqa: PTH208 - of a descriptor
            for name in names:
                _remove(name, top)


def _remove(name: str, top: int) -> None:
    if _unlinked(name, top):
        return
    with _opened(name, top) as folder:
        for child in os.listdir(folder):  # noqa: PTH208 - as above
            if not _unlinked(child, folder):
                _unlock(child, folder)
                os.rename(child, uuid4().hex, src_dir_fd=folder, dst_dir_fd=top)
    os.rmdir(name, dir_fd=top)


def _unlinked(name: str, folder: int) -> bool:
    """Unlink what is not a directory; say whether it was none."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    except FileNotFoundError:
        return True
    return True


@contextmanager
def _opened(name: str, folder: int | None) -> Iterator[int]:
    if folder is not None:
        _unlock(name, folder)
    descriptor = os.open(name, _DIRECTORY, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unlock(name: str, folder: int) -> None:
    """Let its owner use a directory of any mode; root may do so anyway."""
    if os.geteuid() != 0:
        os.chmod(name, 0o700, dir_fd=folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
