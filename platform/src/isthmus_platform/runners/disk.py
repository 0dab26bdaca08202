"""How much a runner has written."""

from __future__ import annotations

import os
from pathlib import Path

_BLOCK_BYTES = 512


def bytes_below(*directories: Path) -> int:
    """Return the bytes in and below directories; no link is followed, what vanishes is nothing."""
    return sum(_bytes_in(str(directory)) for directory in directories)


def _bytes_in(directory: str) -> int:
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
            # A file with holes takes little room here, and its whole size where it is copied to.
            size += max(status.st_size, status.st_blocks * _BLOCK_BYTES)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return size
