"""Columns as their contract's types: what converts without loss is converted, the rest refused.

Files and frames come in many types for the same values: pandas writes a date as a timestamp at
midnight, and whole numbers with gaps as floats. Whether values convert depends on all of them, and
not on the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Column, ColumnType
from isthmus_contracts.exact_floats import exact_float
from isthmus_transforms.runtime.frames.types import arrow_type, is_text

_Value: TypeAlias = Any  # an element of a column of objects

_INCOMPATIBLE = "the types are incompatible"
_EXACT_AT_MOST = 2**53  # every whole number up to here is a float64
_LEAST_TOO_LARGE = 2.0**63  # for an int64

_NUMBERS = (int, float, np.integer, np.floating, Decimal)
_OBJECTS: Mapping[ColumnType, tuple[type, ...]] = {
    "string": (str,),
    "int64": _NUMBERS,
    "float64": _NUMBERS,
    "bool": (bool, np.bool_),
    "date": (dt.date,),
    "timestamp": (dt.datetime,),
}
_PLAIN: Mapping[ColumnType, str] = {
    "string": "string",
    "int64": "integer",
    "float64": "floating",
    "bool": "boolean",
}
"""What pandas calls an array of the plain type of a column, after it has looked at all values."""


def convert(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Return Arrow values as the type of their column; strings become `large_string`.

    Raise `TypeError` for a type that never converts, and `ValueError` for values that would not be
    the same; both say why, as a clause.
    """
    kind = arrow_type(column.type)
    found = values.type
    if pa.types.is_dictionary(found):
        plain = pa.large_string() if is_text(found.value_type) else found.value_type
        return convert(values.cast(plain), column)
    if not is_convertible(found, column.type):
        raise TypeError(why_not(found, column.type))
    match column.type:
        case _ if pa.types.is_null(found):
            pass
        case "int64" if pa.types.is_floating(found):
            values = values.cast(pa.float64())
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        case "float64" if pa.types.is_integer(found):
            return _exact_floats(values.cast(pa.int64()), column)
        case "float64" if pa.types.is_decimal(found):
            return _from_objects(values.to_pylist(), column)
        case "date" if found != kind:
            dates = values.cast(kind, safe=False)
            if not dates.cast(found).equals(values):
                raise ValueError("some values have a time of day")
            return dates
        case "timestamp" if found.unit == "ns" and not _is_whole_microseconds(values):
            raise ValueError("some values are finer than a microsecond; round them")
    return values.cast(kind)


def is_convertible(found: pa.DataType, column_type: ColumnType) -> bool:
    """Return whether values of an Arrow type may be values of a column's type."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_null(found):
        return True
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found)
    match column_type:
        case "string":
            return is_text(found)
        case "bool":
            return bool(pa.types.is_boolean(found))
        case "int64" | "float64":
            return is_number or bool(pa.types.is_decimal(found))
        case "date":
            is_zoneless = pa.types.is_timestamp(found) and found.tz is None
            return bool(pa.types.is_date(found) or is_zoneless)
        case "timestamp":
            return bool(pa.types.is_timestamp(found) and found.tz is not None)


def convert_objects(values: pd.Series, column: Column) -> pa.ChunkedArray:
    """Return Python objects as the type of their column; None, NaN, NA and NaT are null.

    Raise `TypeError` or `ValueError`, as `convert` does, if one of the objects does not fit.
    """
    array = values.to_numpy(dtype=object)
    if _is_plain(array, column.type):
        return _chunked(pa.array(array, arrow_type(column.type), from_pandas=True))
    objects = [
        None if is_missing else value
        for value, is_missing in zip(array, pd.isna(array), strict=True)
    ]
    for kind in {type(value) for value in objects} - {type(None)}:
        if not _is_allowed(kind, column.type):
            row = next(row for row, value in enumerate(objects) if type(value) is kind)
            raise TypeError(f"row {row} has a value of type {kind.__name__}")
    return _from_objects(objects, column)


def inexact_rows(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return for each int64 value whether no float64 is the same number, or None if all are."""
    extremes = pc.min_max(values).as_py()
    if max(-(extremes["min"] or 0), extremes["max"] or 0) <= _EXACT_AT_MOST:
        return None
    floats = values.cast(pa.float64(), safe=False)
    # The cast back wraps or stops at the largest int64, as the processor does it.
    is_large = pc.greater_equal(floats, _LEAST_TOO_LARGE)
    differs = pc.not_equal(floats.cast(pa.int64(), safe=False), values)
    rows = pc.fill_null(pc.or_(is_large, differs), False)
    return rows if pc.any(rows).as_py() else None


def _exact_floats(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    rows = None if column.inexact else inexact_rows(values)
    if rows is not None:
        row = pc.index(rows, True).as_py()
        _converted(_to_float, values[row].as_py(), column, row)  # raises
    return values.cast(pa.float64(), safe=False)


def _from_objects(objects: list[_Value], column: Column) -> pa.ChunkedArray:
    to_value = _TO_VALUE.get(column.type)
    if to_value is not None:
        objects = [
            None if value is None else _converted(to_value, value, column, row)
            for row, value in enumerate(objects)
        ]
    return _chunked(pa.array(objects, arrow_type(column.type)))


def _is_plain(array: npt.NDArray[np.object_], column_type: ColumnType) -> bool:
    """Return whether all objects that are not missing are of the one plain type of a column."""
    if column_type == "date":  # to pandas, a datetime is a date
        return set(map(type, array)) <= {dt.date, type(None)}
    return pd.api.types.infer_dtype(array, skipna=True) == _PLAIN.get(column_type)


def _chunked(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


def _converted(
    to_value: Callable[[_Value, Column], object], value: _Value, column: Column, row: int
) -> object:
    try:
        return to_value(value, column)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"row {row}: {error}") from None


def _to_whole(value: _Value, _: Column) -> int:
    whole = int(value)
    if whole != value:
        raise ValueError("it has a fraction")
    return whole


def _to_float(value: _Value, column: Column) -> float:
    if isinstance(value, float | np.floating):
        return float(value)
    return exact_float(value if isinstance(value, Decimal) else int(value), inexact=column.inexact)


def _to_date(value: _Value, _: Column) -> dt.date:
    if not isinstance(value, dt.datetime):
        return value  # type: ignore[no-any-return] # nothing else is allowed
    if value.tzinfo is not None:
        raise ValueError("it has a time zone")
    if value.time() != dt.time() or _nanoseconds(value):
        raise ValueError("it has a time of day")
    return value.date()


def _to_instant(value: _Value, _: Column) -> dt.datetime:
    if value.tzinfo is None:
        raise ValueError("it has no time zone")
    if _nanoseconds(value):
        raise ValueError("it is finer than a microsecond")
    return value  # type: ignore[no-any-return] # nothing else is allowed


def _nanoseconds(value: dt.datetime) -> int:
    return value.nanosecond if isinstance(value, pd.Timestamp) else 0


_TO_VALUE: Mapping[ColumnType, Callable[[_Value, Column], object]] = {
    "int64": _to_whole,
    "float64": _to_float,
    "date": _to_date,
    "timestamp": _to_instant,
}


def _is_allowed(kind: type, column_type: ColumnType) -> bool:
    if issubclass(kind, bool) and column_type != "bool":
        return False
    return issubclass(kind, _OBJECTS[column_type])


def _is_whole_microseconds(values: pa.ChunkedArray) -> bool:
    numbers = values.cast(pa.int64())
    microseconds = pc.multiply(pc.divide(numbers, 1_000), 1_000)
    return pc.all(pc.equal(microseconds, numbers)).as_py() is not False


def why_not(found: pa.DataType, column_type: ColumnType) -> str:
    """Return why no value of an Arrow type can be one of a column's type, as a clause."""
    if column_type == "timestamp" and pa.types.is_timestamp(found):
        return "say which time zone it has, in pandas by .dt.tz_localize"
    return _INCOMPATIBLE
