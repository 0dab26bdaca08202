from __future__ import annotations

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_platform.lake.validation import keys
from isthmus_platform.lake.validation.keys import find_duplicates
from isthmus_platform.lake.validation.values import NUMBERED


def counts(*columns: list[pa.Array]) -> dict[tuple[object, ...], int]:
    """Return the keys of several rows and how many each has."""
    found = find_duplicates(columns)
    rows = [] if found is None else found.to_pylist()
    return {tuple(row[str(i)] for i in range(len(columns))): row["count_all"] for row in rows}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2, 2), st.booleans()), max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
def test_it_finds_what_counting_finds(
    rows: list[tuple[str, int, bool]], size: int, numbered: bool
) -> None:
    if not rows:
        return
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    texts = [pa.array([row[0] for row in part]) for part in parts]
    columns = [
        [text.dictionary_encode() for text in texts] if numbered else texts,
        [pa.array([row[1] for row in part], pa.int64()) for part in parts],
        [pa.array([row[2] for row in part], pa.bool_()) for part in parts],
    ]
    assert counts(*columns) == {row: n for row, n in Counter(rows).items() if n > 1}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.5, -1.0, 2.0], {}),
        ([1.0, 0.0, -0.0], {(0.0,): 2}),
        ([-0.0, math.inf, -math.inf, 5e-324], {}),
        ([2.0, 1.0, 2.0], {(2.0,): 2}),
    ],
)
def test_numbers_that_are_equal_are_one_key(
    values: list[float], found: dict[tuple[object, ...], int]
) -> None:
    assert counts([pa.array([value]) for value in values]) == found


def test_a_null_is_a_key_of_its_own() -> None:
    # The null itself is refused elsewhere: no column of a key is nullable.
    assert counts([pa.array([1, None, 3, 0])]) == {}
    assert counts([pa.array([None, 3, None], pa.int64())]) == {(None,): 2}


@pytest.mark.parametrize(
    ("texts", "found"),
    [("cab", {}), ("cabc", {("c", 7): 2}), ("ba" * 2, {("b", 7): 2, ("a", 7): 2})],
)
def test_rows_whose_numbers_collide_are_compared_themselves(
    monkeypatch: pytest.MonkeyPatch, texts: str, found: dict[tuple[object, ...], int]
) -> None:
    monkeypatch.setattr(keys, "_ODD", pa.scalar(0, pa.uint64()))  # all collide
    assert counts([pa.array(list(texts))], [pa.array([7] * len(texts))]) == found


def test_a_dictionary_that_names_a_text_twice_hides_no_key() -> None:
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["a", "a"]))
    assert twice.type == NUMBERED
    assert counts([twice]) == {("a",): 2}
    assert counts([twice, twice]) == {("a",): 4}


def test_batches_with_and_without_a_dictionary_are_compared() -> None:
    plain = pa.array(["b", "a"])
    assert counts([plain, pa.array(["c"]).dictionary_encode()]) == {}
    assert counts([plain, plain.slice(1).dictionary_encode()]) == {("a",): 2}


def test_many_rows_in_no_order() -> None:
    numbers = [index * 7_919 % 100_003 for index in range(100_003)]
    assert counts([pa.array(numbers)]) == {}
    assert counts([pa.array(numbers[:-1])], [pa.array(numbers[1:])]) == {}
    assert counts([pa.array([*numbers, 5])]) == {(5,): 2}
