from __future__ import annotations

import math
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_platform.lake.validation.values import NUMBERED, Values


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


def numbered(indices: list[int | None], texts: list[str | None]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int32()), pa.array(texts, pa.string()), safe=False
    )


def test_texts_of_a_dictionary_that_do_not_occur_are_no_values() -> None:
    values = Values(numbered([1, None, 2], ["A", "b", "c", "z"]), "string")
    assert values.array.type == NUMBERED
    assert values.extremes == (b"b", b"c")
    assert values.distinct.to_pylist() == ["b", "c"]
    assert values.plain.to_pylist() == ["b", None, "c"]
    assert values.empty == 1


def test_what_is_known_without_looking_is_the_dictionary_unless_it_is_long() -> None:
    few, many = numbered([1], ["a", "b", "z"]), numbered([1] * 3, ["a", "b", "z"])
    assert Values(few, "string").known.to_pylist() == ["b"]
    assert Values(many, "string").known.to_pylist() == ["a", "b", "z"]
    assert Values(pa.array(["a", "a"]), "string").known.to_pylist() == ["a", "a"]


def test_a_null_in_the_dictionary_is_a_null() -> None:
    values = Values(numbered([0, 1, 1], ["a", None]), "string")
    assert values.empty == 2
    assert values.extremes == (b"a", b"a")


@pytest.mark.parametrize("index", [-1, 2, 2**31 - 1])
def test_a_number_beyond_the_dictionary_is_refused(index: int) -> None:
    with pytest.raises(pa.ArrowInvalid, match="out of bounds"):
        Values(numbered([0, index], ["a", "b"]), "string")
