"""JSON documents of the lake: written whole and once, read strictly.

`write_once` is the one conditional write that publishing rests on; an object store has the same
under the name of If-None-Match.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from isthmus_contracts import ProtocolError
from isthmus_contracts.codec import from_plain, to_plain
from isthmus_platform.errors import LakeError

T = TypeVar("T")


def write_once(path: Path, document: object) -> None:
    """Create a document that is whole and on the disk, or raise `FileExistsError`."""
    make_directory(path.parent)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            json.dump(to_plain(document), file, indent=2, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    flush(path.parent)


def read_document(cls: type[T], path: Path) -> T:
    """Return the `cls` that a document holds, or raise `LakeError` if it holds anything else."""
    try:
        return from_plain(cls, json.loads(path.read_text(encoding="utf-8")))
    except ProtocolError as error:
        raise LakeError(str(path), str(error)) from error
    except ValueError as error:
        raise LakeError(str(path), f"is no JSON: {error}") from error


def make_directory(path: Path) -> None:
    """Create a directory and its parents, where there are none, so that a power cut keeps them."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        flush(each.parent)


def flush(path: Path) -> None:
    """Wait until a file's content, or a directory's list of names, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
