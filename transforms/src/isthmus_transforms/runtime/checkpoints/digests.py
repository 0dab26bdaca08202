"""Digests of what is given to a dataflow: the content of files, and of frames in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd

from isthmus_contracts import Input, Interval
from isthmus_transforms.runtime.checkpoints.codecs import NotSavableError
from isthmus_transforms.runtime.checkpoints.frame_codecs import FrameCodec


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a digest of the content of these files, in this order; their names do not count."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def digest_of_input(read: Input, paths: Iterable[Path], interval: Interval | None) -> str:
    """Return a digest of what a function sees of the files of an input.

    The contract says which columns that are and of which type, the interval which rows.
    """
    columns = [(column.name, column.type, column.nullable) for column in read.table.columns]
    rows = (read.filter_column, interval) if read.filter_column else None
    declared = repr((columns, rows))
    return hashlib.sha256(f"{digest_of_files(paths)} {declared}".encode()).hexdigest()


def digest_of_frame(frame: pd.DataFrame) -> str | None:
    """Return a digest of a frame: names, types, index, order and values.

    None where that cannot be told for certain, as of columns that hold any objects.
    """
    sink = _Sink()
    try:
        FrameCodec().write(frame, cast("BinaryIO", sink))
    except NotSavableError:
        return None
    return sink.digest.hexdigest()


class _Sink:
    """Be a file that only remembers the digest of what is written to it."""

    closed = False

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return memoryview(content).nbytes

    def flush(self) -> None:
        """Do nothing: it is all there."""
