"""The disk usage of directories."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK_BYTES = 512


def disk_usage(*directories: Path) -> int:
    """Return the bytes in and below directories, without following links.

    What is deleted meanwhile counts as nothing.
    """
    return sum(_bytes_below(str(directory)) for directory in directories)


def _bytes_below(directory: str) -> int:
    size = 0
    folders = [directory]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            # A sparse file takes few blocks here, and its whole size where it is copied to.
            size += max(status.st_size, status.st_blocks * _BLOCK_BYTES)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return size
