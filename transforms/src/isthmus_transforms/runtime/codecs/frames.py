"""Codecs for pandas frames and series, through Arrow; what Arrow alters is refused."""

from __future__ import annotations

import json
from datetime import UTC
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from isthmus_transforms.runtime.codecs.values import (
    NotSavableError,
    read_table,
    register,
    write_table,
)

_METADATA_KEY = b"isthmus"
_VALUES = "__values__"


class FrameCodec:
    """Writes frames whose values, columns and index come back exactly the same."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the frame, or raise `NotSavableError`."""
        assert isinstance(value, pd.DataFrame)  # noqa: S101
        _write(value, file, None)

    def read(self, file: BinaryIO) -> object:
        """Return the frame."""
        return _to_frame(read_table(file))[0]


class SeriesCodec:
    """Writes a series as a frame of one column."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the series, or raise `NotSavableError`."""
        assert isinstance(value, pd.Series)  # noqa: S101
        if value.name is not None and type(value.name) not in {str, int}:
            raise NotSavableError(f"a series is named by a {type(value.name).__name__}")
        if value.attrs or not value.flags.allows_duplicate_labels:
            raise NotSavableError("a series has attrs or flags")
        _write(value.to_frame(_VALUES), file, value.name)

    def read(self, file: BinaryIO) -> object:
        """Return the series."""
        frame, name = _to_frame(read_table(file))
        return frame[_VALUES].rename(name)


def _write(frame: pd.DataFrame, file: BinaryIO, name: object) -> None:
    if frame.attrs or not frame.flags.allows_duplicate_labels:
        raise NotSavableError("it has attrs or flags")
    freq = getattr(frame.index, "freq", None)
    metadata = {
        "name": name,
        "freq": None if freq is None else freq.freqstr,
        "utc": [column for column, dtype in frame.dtypes.items() if _is_utc(dtype)],
        "utc index": _is_utc(frame.index.dtype),
    }
    try:
        table = pa.Table.from_pandas(frame)
        table = table.replace_schema_metadata(
            {**table.schema.metadata, _METADATA_KEY: json.dumps(metadata)}
        )
        write_table(table, written := pa.BufferOutputStream())
        content = written.getvalue()
        problem = _difference(frame, _to_frame(read_table(pa.BufferReader(content)))[0])
    except (pa.ArrowException, ValueError, TypeError, AttributeError) as error:
        raise NotSavableError(f"Arrow cannot represent the frame: {error}") from None
    if problem:
        raise NotSavableError(f"{problem} would not come back the same")
    file.write(content)


def _to_frame(table: pa.Table) -> tuple[pd.DataFrame, str | int | None]:
    metadata = json.loads(table.schema.metadata[_METADATA_KEY])
    frame = pd.DataFrame(table.to_pandas())
    for column in metadata["utc"]:
        frame[column] = frame[column].dt.tz_convert(UTC)
    for column, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            frame[column] = frame[column].copy()  # the codes that Arrow returns are read-only
    if metadata["utc index"]:
        frame = frame.tz_convert(UTC)
    if metadata["freq"] is not None:
        frame.index.freq = metadata["freq"]  # type: ignore[attr-defined]
    return frame, metadata["name"]


def _difference(frame: pd.DataFrame, back: pd.DataFrame) -> str | None:
    """Return what of a frame differs after it was converted to Arrow and back, or None."""
    for one, other in ((frame.index, back.index), (frame.columns, back.columns)):
        if type(one) is not type(other) or not one.identical(other):
            return "the index or the names of columns"
    if getattr(frame.index, "freq", None) != getattr(back.index, "freq", None):
        return "the frequency of the index"
    dtypes = {"index": (frame.index.dtype, back.index.dtype)}
    dtypes |= dict(zip(frame.columns, zip(frame.dtypes, back.dtypes, strict=True), strict=True))
    for name, (found, returned) in dtypes.items():
        if not _same_dtype(found, returned):
            return f"{name!r}, of dtype {found},"
    return None if frame.equals(back) else "a value"


def _is_utc(dtype: object) -> bool:
    return isinstance(dtype, pd.DatetimeTZDtype) and dtype.tz is UTC


def _same_dtype(one: object, other: object) -> bool:
    """Return whether dtypes are the same in all respects, and their values have a type of Arrow."""
    if type(one) is not type(other) or one != other or one == np.dtype("O"):
        return False
    if isinstance(one, pd.DatetimeTZDtype) and isinstance(other, pd.DatetimeTZDtype):
        # There are several classes for UTC; the metadata says which one it was.
        return _is_utc(other) or (type(one.tz) is type(other.tz) and str(one.tz) == str(other.tz))
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        return one.categories.identical(other.categories) and _same_dtype(
            one.categories.dtype, other.categories.dtype
        )
    return True


register(pd.DataFrame, FrameCodec())
register(pd.Series, SeriesCodec())
