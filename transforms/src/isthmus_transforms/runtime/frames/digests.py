"""Digests of a dataflow's inputs: of the content of files, and of frames in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

import pandas as pd

from isthmus_contracts import Input, Interval
from isthmus_transforms.runtime.codecs import (
    DigestWriter,
    FrameCodec,
    NotSavableError,
    codec_for,
    name_of,
)


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return a digest of the content of these files, in this order; it ignores their names."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def digest_of_input(
    declared: Input,
    paths: Iterable[Path],
    interval: Interval | None,
    *,
    masked_types: bool = False,
) -> str:
    """Return a digest of the rows that functions get of an input's files.

    It covers the files, the columns and types of the contract, whether types are masked, and the
    interval that filters rows.
    """
    columns = [
        (column.name, column.type, column.nullable, column.inexact)
        for column in declared.table.columns
    ]
    rows = (declared.filter_column, interval) if declared.filter_column else None
    selection = repr((columns, rows, masked_types))
    return hashlib.sha256(f"{digest_of_files(paths)} {selection}".encode()).hexdigest()


def digest_of_value(value: object) -> str | None:
    """Return a digest of a value of any type, or None if it cannot be exact."""
    written = DigestWriter()
    try:
        codec_for(value).write(value, cast("BinaryIO", written))
    except NotSavableError:
        return None
    return f"{name_of(type(value))} {written.digest.hexdigest()}"


def digest_of_frame(frame: pd.DataFrame) -> str | None:
    """Return a digest of a frame: names, types, index, order and values.

    Return None if it cannot be exact, for example with columns of Python objects.
    """
    written = DigestWriter()
    try:
        FrameCodec().write(frame, cast("BinaryIO", written))
    except NotSavableError:
        return None
    return written.digest.hexdigest()
