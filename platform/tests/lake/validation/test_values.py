from __future__ import annotations

import math
import struct
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import ColumnType
from isthmus_platform.lake.schemas import arrow_type
from isthmus_platform.lake.validation.values import Values


def negative_nan() -> float:
    (value,) = struct.unpack("<d", (0xFFF8000000000001).to_bytes(8, "little"))
    return float(value)


@given(
    st.lists(st.none() | st.floats() | st.sampled_from([-0.0, 0.0, math.nan, negative_nan()])),
    st.integers(0, 3),
)
def test_extremes_of_numbers_are_those_that_python_finds(
    numbers: list[float | None], skipped: int
) -> None:
    values = Values(pa.array(numbers, pa.float64(), from_pandas=False).slice(skipped), "float64")
    real = [number for number in numbers[skipped:] if number is not None and not math.isnan(number)]
    assert values.extremes == ((min(real), max(real)) if real else (None, None))
    assert values.empty == len(numbers[skipped:]) - len(real)
    assert values.infinite == sum(map(math.isinf, real))


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None]).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None])),
        pa.array(["a", None], pa.string_view()),
    ],
)
def test_texts_in_any_encoding_are_texts(texts: pa.Array) -> None:
    values = Values(texts, "string")
    assert values.array.equals(pa.array(["a", None]))
    assert values.empty == 1


FIRST, LAST = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [("date", FIRST, LAST), ("timestamp", FIRST * DAY, (LAST + 1) * DAY - 1)],
)
def test_what_lies_beyond_pythons_years_is_counted(kind: ColumnType, first: int, last: int) -> None:
    plain = pa.int32() if kind == "date" else pa.int64()

    def beyond(*numbers: int | None) -> int:
        return Values(pa.array(numbers, plain).view(arrow_type(kind)), kind).beyond_years

    assert beyond(first, None, last) == beyond(None) == beyond() == 0
    assert beyond(first - 1) == beyond(last + 1) == 1
    assert beyond(first - 1, 0, None, last + 1) == 2


@pytest.mark.parametrize("numbers", [[3, None, -5], [None], []])
def test_extremes_of_whole_numbers(numbers: list[int | None]) -> None:
    real = [number for number in numbers if number is not None]
    expected = (min(real), max(real)) if real else (None, None)
    assert Values(pa.array(numbers, pa.int64()), "int64").extremes == expected
