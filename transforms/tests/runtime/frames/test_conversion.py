from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from isthmus_contracts import Column, ColumnType
from isthmus_transforms.runtime.frames.conversion import convert, convert_objects, inexact_rows
from isthmus_transforms.runtime.frames.types import arrow_type

DAY, NOON = dt.date(2013, 1, 31), dt.datetime(2013, 1, 31, 12)  # noqa: DTZ001
MIDNIGHT, INSTANT = dt.datetime(2013, 1, 31), dt.datetime(2013, 1, 31, tzinfo=dt.UTC)  # noqa: DTZ001
LARGE = 2**53 + 1


def column(kind: ColumnType, *, inexact: bool = False) -> Column:
    return Column("x", kind, "X.", nullable=True, inexact=inexact)


def objects(*values: object) -> pd.Series:
    return pd.Series(list(values), dtype=object)


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("string", pa.array(["a", None]), ["a", None]),
        ("string", pa.array(["a"]).dictionary_encode(), ["a"]),
        ("string", pa.array(["a"], pa.string_view()), ["a"]),
        ("int64", pa.array([1, None], pa.uint8()), [1, None]),
        ("int64", pa.array([1.0, float("nan"), None]), [1, None, None]),
        ("int64", pa.array([2.0, None], pa.float16()), [2, None]),
        ("int64", pa.array([Decimal("3.00")]), [3]),
        ("int64", pa.array([1, 2]).dictionary_encode(), [1, 2]),
        ("float64", pa.array([0.5], pa.float32()), [0.5]),
        (
            "float64",
            pa.array([1, 2**53, 2**53 + 2, -(2**63), None]),
            [1.0, 2.0**53, 2.0**53 + 2, -(2.0**63), None],
        ),
        ("float64", pa.array([Decimal("19.90"), None]), [19.9, None]),
        ("bool", pa.array([True, None]), [True, None]),
        ("date", pa.array([DAY, None]), [DAY, None]),
        ("date", pa.array([DAY], pa.date64()), [DAY]),
        ("date", pa.array([MIDNIGHT, None], pa.timestamp("us")), [DAY, None]),
        ("date", pa.array([MIDNIGHT], pa.timestamp("ns")), [DAY]),
        ("timestamp", pa.array([INSTANT], pa.timestamp("ns", "Asia/Tokyo")), [INSTANT]),
        ("timestamp", pa.array([INSTANT, None], pa.timestamp("s", "UTC")), [INSTANT, None]),
        ("float64", pa.nulls(2), [None, None]),
        ("string", pa.nulls(1).dictionary_encode(), [None]),
    ],
)
def test_what_converts_without_loss_is_converted(
    kind: ColumnType, values: pa.Array, found: list[object]
) -> None:
    converted = convert(pa.chunked_array([values]), column(kind))
    assert converted.type == arrow_type(kind)
    assert converted.to_pylist() == found


@pytest.mark.parametrize(
    ("kind", "values", "reason"),
    [
        ("string", pa.array([1]), "the types are incompatible"),
        ("string", pa.array([b"a"]), "the types are incompatible"),
        ("int64", pa.array(["1"]), "the types are incompatible"),
        ("int64", pa.array([True]), "the types are incompatible"),
        ("int64", pa.array([1.5]), "truncated"),
        ("int64", pa.array([2.0**63]), "truncated"),
        ("int64", pa.array([2**64 - 1], pa.uint64()), "not in range"),
        ("int64", pa.array([Decimal("3.5")]), "data loss"),
        ("float64", pa.array([1, LARGE]), "^row 1: float64 cannot hold it exactly; round it, or"),
        ("float64", pa.array([2**63 - 1]), "^row 0: float64 cannot hold it exactly"),
        ("float64", pa.array([Decimal("12345678901234567.89")]), "^row 0: float64 cannot hold it"),
        ("float64", pa.array([True]), "the types are incompatible"),
        ("float64", pa.array([1, LARGE]).dictionary_encode(), "^row 1: float64 cannot hold it"),
        ("bool", pa.array([1]), "the types are incompatible"),
        ("date", pa.array([NOON], pa.timestamp("us")), "^some values have a time of day$"),
        ("date", pa.array([1], pa.int64()).cast(pa.timestamp("ns")), "have a time of day"),
        ("date", pa.array([INSTANT], pa.timestamp("us", "UTC")), "the types are incompatible"),
        (
            "timestamp",
            pa.array([NOON]),
            r"^say which time zone it has, in pandas by \.dt\.tz_localize$",
        ),
        ("timestamp", pa.array([DAY]), "the types are incompatible"),
        ("timestamp", pa.array([1], pa.timestamp("ns", "UTC")), "finer than a microsecond; round"),
    ],
)
def test_what_would_lose_is_refused(kind: ColumnType, values: pa.Array, reason: str) -> None:
    with pytest.raises((TypeError, ValueError), match=reason):
        convert(pa.chunked_array([values]), column(kind))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pa.array([LARGE, None]), [2.0**53, None]),
        (pa.array([2**63 - 1]), [2.0**63]),
        (pa.array([Decimal("12345678901234567.89")]), [12345678901234568.0]),
    ],
)
def test_an_inexact_column_takes_the_nearest(values: pa.Array, found: list[object]) -> None:
    converted = convert(pa.chunked_array([values]), column("float64", inexact=True))
    assert converted.to_pylist() == found


def in_any_order(values: Iterable[object]) -> list[tuple[object, ...]]:
    return list(itertools.permutations(values))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("date", (DAY, NOON)),
        ("date", (DAY, INSTANT, None)),
        ("date", (DAY, "2013-01-31")),
        ("date", (DAY, 1)),
        ("timestamp", (INSTANT, DAY)),
        ("timestamp", (INSTANT, NOON)),
        ("timestamp", (INSTANT, pd.Timestamp(1, unit="ns", tz="UTC"))),
        ("string", ("a", 1)),
        ("string", ("a", b"b", None)),
        ("string", ("a", 0.5)),
        ("int64", (1, True)),
        ("int64", (1, "2")),
        ("int64", (1, 1.5)),
        ("int64", (1, float("inf"))),
        ("int64", (1, Decimal("1.5"))),
        ("int64", (1, 2**63)),
        ("float64", (0.5, True)),
        ("float64", (0.5, "1")),
        ("float64", (0.5, LARGE)),
        ("float64", (0.5, Decimal("12345678901234567.89"))),
        ("float64", (0.5, Decimal("1e400"))),
        ("bool", (True, 1)),
        ("bool", (True, "yes")),
    ],
)
def test_one_object_that_does_not_fit_is_refused_wherever_it_is(
    kind: ColumnType, values: tuple[object, ...]
) -> None:
    for ordered in in_any_order(values):
        with pytest.raises((TypeError, ValueError, OverflowError)) as caught:
            convert_objects(objects(*ordered), column(kind))
        assert caught.type is OverflowError or "row " in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("date", (DAY, MIDNIGHT, pd.Timestamp(MIDNIGHT), pd.NaT), [DAY, DAY, DAY, None]),
        ("timestamp", (INSTANT, pd.Timestamp(INSTANT), None), [INSTANT, INSTANT, None]),
        ("string", ("a", np.str_("b"), np.nan, pd.NA), ["a", "b", None, None]),
        ("int64", (1, np.int8(2), 3.0, Decimal("4.0"), np.nan), [1, 2, 3, 4, None]),
        ("int64", (LARGE, Decimal(LARGE), None), [LARGE, LARGE, None]),
        (
            "float64",
            (0.5, np.float32(0.25), 1, np.int64(2**53), None),
            [0.5, 0.25, 1, 2.0**53, None],
        ),
        ("float64", (0.5, Decimal("0.1"), Decimal("NaN")), [0.5, 0.1, None]),
        ("bool", (True, np.False_, None), [True, False, None]),
        ("bool", (None, pd.NA), [None, None]),
    ],
)
def test_objects_that_all_fit_are_converted_in_any_order(
    kind: ColumnType, values: tuple[object, ...], found: list[object]
) -> None:
    assert convert_objects(objects(*values), column(kind)).to_pylist() == found
    assert convert_objects(objects(*values[::-1]), column(kind)).to_pylist() == found[::-1]


def test_the_row_and_the_type_of_an_object_that_does_not_fit_are_named() -> None:
    with pytest.raises(TypeError, match=r"^row 2 has a value of type int$"):
        convert_objects(objects("a", None, 1, 2), column("string"))
    with pytest.raises(ValueError, match=r"^row 1: it has a time of day$"):
        convert_objects(objects(DAY, NOON), column("date"))


def test_integers_without_a_float_of_their_own_are_found() -> None:
    assert inexact_rows(pa.chunked_array([[1, None, 2**53]])) is None
    assert inexact_rows(pa.chunked_array([[2**53 + 2]])) is None
    assert inexact_rows(pa.chunked_array([pa.array([], pa.int64())])) is None
    rows = inexact_rows(pa.chunked_array([[1, LARGE, None], [2**63 - 1, -(2**63)]]))
    assert rows is not None
    assert rows.to_pylist() == [False, True, False, True, False]
