"""Codecs for pandas frames and series, through Arrow; what Arrow may alter is refused."""

from __future__ import annotations

import json
from datetime import UTC
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from isthmus_transforms.runtime.checkpoints.codecs import NotSavableError, register

_METADATA_KEY = b"isthmus"
_VALUES = "__values__"
_NULLABLE = (
    pd.BooleanDtype,
    *(pd.Int8Dtype, pd.Int16Dtype, pd.Int32Dtype, pd.Int64Dtype),
    *(pd.UInt8Dtype, pd.UInt16Dtype, pd.UInt32Dtype, pd.UInt64Dtype),
)


class FrameCodec:
    """Writes frames whose columns and index come back exactly the same."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the frame, or raise `NotSavableError`."""
        assert isinstance(value, pd.DataFrame)  # noqa: S101
        _write(value, file, {})

    def read(self, file: BinaryIO) -> object:
        """Return the frame."""
        return _read(file)[0]


class SeriesCodec:
    """Writes a series as a frame of one column."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the series, or raise `NotSavableError`."""
        assert isinstance(value, pd.Series)  # noqa: S101
        if value.name is not None and type(value.name) not in {str, int}:
            raise NotSavableError(f"a series is named by a {type(value.name).__name__}")
        if value.attrs or not value.flags.allows_duplicate_labels:
            raise NotSavableError("a series has attrs or flags")
        _write(value.to_frame(_VALUES), file, {"name": value.name})

    def read(self, file: BinaryIO) -> object:
        """Return the series."""
        frame, metadata = _read(file)
        return frame[_VALUES].rename(metadata["name"])


def _write(frame: pd.DataFrame, file: BinaryIO, metadata: dict[str, object]) -> None:
    _check(frame)
    freq = getattr(frame.index, "freq", None)
    metadata = {**metadata, "freq": None if freq is None else freq.freqstr}
    metadata["utc"] = [name for name, dtype in frame.dtypes.items() if _is_utc(dtype)]
    metadata["utc index"] = _is_utc(frame.index.dtype)
    try:
        _check_shape(frame)
        table = pa.Table.from_pandas(frame)
        table = table.replace_schema_metadata(
            {**table.schema.metadata, _METADATA_KEY: json.dumps(metadata)}
        )
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise NotSavableError(f"Arrow cannot represent the frame: {error}") from None


def _read(file: BinaryIO) -> tuple[pd.DataFrame, dict[str, str]]:
    table = pa.ipc.open_stream(file).read_all()
    metadata = json.loads(table.schema.metadata[_METADATA_KEY])
    frame = pd.DataFrame(table.to_pandas())
    for name in metadata["utc"]:
        frame[name] = frame[name].dt.tz_convert(UTC)
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            frame[name] = frame[name].copy()  # the codes that Arrow returns are read-only
    if metadata["utc index"]:
        frame = frame.tz_convert(UTC)
    if metadata["freq"] is not None:
        frame.index.freq = metadata["freq"]  # type: ignore[attr-defined]
    return frame, metadata


def _check(frame: pd.DataFrame) -> None:
    """Raise `NotSavableError` for a frame that Arrow alters, or that it may alter."""
    if frame.attrs or not frame.flags.allows_duplicate_labels:
        raise NotSavableError("a frame has attrs or flags")
    _check_names(frame)
    for name, dtype in [("index", frame.index.dtype), *frame.dtypes.items()]:
        if not _is_preserved(dtype):
            raise NotSavableError(f"{name!r} has dtype {dtype}, which may not come back the same")
    for name, dtype in frame.dtypes.items():
        _check_nulls(str(name), frame[name], dtype)


def _check_names(frame: pd.DataFrame) -> None:
    for index, what in ((frame.index, "index"), (frame.columns, "columns")):
        if isinstance(index, pd.MultiIndex):
            raise NotSavableError(f"the {what} have several levels")
        if index.name is not None and type(index.name) is not str:
            raise NotSavableError(f"the {what} are named by a {type(index.name).__name__}")
    if not all(type(column) is str for column in frame.columns) or not frame.columns.is_unique:
        raise NotSavableError("names of columns are not str, or appear twice")
    if frame.columns.empty:
        raise NotSavableError("a frame without columns loses its rows in Arrow")
    if frame.index.name in frame.columns:
        raise NotSavableError("the index has the name of a column")


def _check_nulls(name: str, series: pd.Series, dtype: object) -> None:
    if not isinstance(dtype, pd.Float32Dtype | pd.Float64Dtype):
        return
    if np.isnan(series.to_numpy(dtype="float64", na_value=0.0)).any():
        raise NotSavableError(f"{name!r} holds NaN that is not NA")


def _is_preserved(dtype: object) -> bool:
    if isinstance(dtype, np.dtype):
        if dtype.kind in "mM":
            return dtype.isnative and np.datetime_data(dtype)[0] in {"s", "ms", "us", "ns"}
        return dtype.isnative and (dtype.kind in "biu" or dtype in (np.float32, np.float64))
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories
        return categories.name is None and _is_preserved(categories.dtype)
    if isinstance(dtype, pd.Float32Dtype | pd.Float64Dtype):
        return True
    return isinstance(dtype, (*_NULLABLE, pd.StringDtype, pd.DatetimeTZDtype))


def _check_shape(frame: pd.DataFrame) -> None:
    """Convert the frame, without rows, to Arrow and back; raise if anything differs."""
    # The slice keeps the step of a RangeIndex; without rows, the step does not matter.
    empty = frame.iloc[:0]
    back = pa.Table.from_pandas(empty).to_pandas()
    same = (
        type(back.index) is type(empty.index)
        and _same_dtype(back.index.dtype, empty.index.dtype)
        and back.index.name == empty.index.name
        and back.columns.identical(empty.columns)
        and back.columns.dtype == empty.columns.dtype
        and all(map(_same_dtype, back.dtypes, empty.dtypes))
    )
    freq = getattr(frame.index, "freq", None)
    if freq is not None and pd.tseries.frequencies.to_offset(freq.freqstr) != freq:
        same = False
    if not same:
        raise NotSavableError("the frame's dtypes, index or names would not come back the same")


def _is_utc(dtype: object) -> bool:
    return isinstance(dtype, pd.DatetimeTZDtype) and dtype.tz is UTC


def _same_dtype(one: object, other: object) -> bool:
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, pd.StringDtype) and isinstance(other, pd.StringDtype):
        return one.storage == other.storage and one.na_value is other.na_value
    if isinstance(one, pd.DatetimeTZDtype) and isinstance(other, pd.DatetimeTZDtype):
        # There are several classes for UTC; the metadata says which one it was.
        return _is_utc(other) or (type(one.tz) is type(other.tz) and str(one.tz) == str(other.tz))
    if isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype):
        return type(one.categories) is type(other.categories) and (
            one.categories.identical(other.categories)
            and _same_dtype(one.categories.dtype, other.categories.dtype)
        )
    return True


register(pd.DataFrame, FrameCodec())
register(pd.Series, SeriesCodec())
