"""Files on this host: written whole or not at all, and durable or private where that is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_write(
    path: Path, *, private: bool = False, durable: bool = False, overwrite: bool = True
) -> Iterator[Path]:
    """Give the path of a draft beside `path`, which takes the place of `path` at the end.

    A reader sees the whole new file or what was there before; if the block raises, nothing changes.
    With `private`, only the owner may ever read the file. With `durable`, a power cut afterwards
    does not lose it. Without `overwrite`, raise `FileExistsError` if there is a file already.
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        if private:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        if durable:
            flush(draft)
        if overwrite:
            draft.replace(path)
        else:
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    if durable:
        flush(path.parent)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a text file so that a reader sees the whole text or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, private=private) as draft:
        draft.write_text(text, encoding="utf-8")


def make_directory(path: Path) -> None:
    """Create a directory and its parents, where there are none, so that a power cut keeps them."""
    missing = [directory for directory in (path, *path.parents) if not directory.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for directory in reversed(missing):
        flush(directory.parent)


def flush(path: Path) -> None:
    """Wait until a file's content, or a directory's list of names, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
