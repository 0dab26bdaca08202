from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_platform.lake.validation import keys
from isthmus_platform.lake.validation.keys import Duplicates, KeyCheck


def duplicates(*columns: list[pa.Array]) -> Duplicates | None:
    check = KeyCheck()
    for batch in zip(*columns, strict=True):
        check.add(batch)
    return check.duplicates()


def found(*columns: list[pa.Array]) -> tuple[int, int, set[tuple[object, ...]]]:
    """Return how many keys are those of several rows, of how many rows, and these keys."""
    result = duplicates(*columns)
    if result is None:
        return 0, 0, set()
    keys = {tuple(value.as_py() for value in key) for key in result.examples}
    assert len(keys) == len(result.examples)
    return result.keys, result.rows, keys


def counted(rows: Iterable[tuple[object, ...]]) -> tuple[int, int, set[tuple[object, ...]]]:
    """Return the same as counting finds it."""
    several = {row: n for row, n in Counter(rows).items() if n > 1}
    return len(several), sum(several.values()), set(several)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2, 2), st.booleans()), max_size=12),
    st.integers(1, 5),
    st.sampled_from([1, 2, 1 << 22]),
)
def test_it_finds_what_counting_finds(
    rows: list[tuple[str, int, bool]], size: int, part_rows: int
) -> None:
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    columns = [
        [pa.array([row[i] for row in part], kind) for part in parts]
        for i, kind in enumerate((pa.string(), pa.int64(), pa.bool_()))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "_PART_ROWS", part_rows)
        assert found(*columns) == counted(rows)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([0.5, -1.0, 2.0], []),
        ([1.0, 0.0, -0.0], [(0.0,)] * 2),
        ([-0.0, math.inf, -math.inf, 5e-324], []),
        ([2.0, 1.0, 2.0], [(2.0,)] * 2),
    ],
)
def test_numbers_that_are_equal_are_one_key(
    values: list[float], rows: list[tuple[object, ...]]
) -> None:
    assert found([pa.array([value]) for value in values]) == counted(rows)


def test_a_null_is_a_key_of_its_own() -> None:
    # The null itself is refused elsewhere: no column of a key is nullable.
    assert duplicates([pa.array([1, None, 3, 0])]) is None
    assert found([pa.array([None, 3, None], pa.int64())]) == (1, 2, {(None,)})


@pytest.mark.parametrize("texts", ["cab", "cabc", "ba" * 2])
def test_rows_whose_numbers_collide_are_compared_themselves(
    monkeypatch: pytest.MonkeyPatch, texts: str
) -> None:
    monkeypatch.setattr(keys, "_ODD", pa.scalar(0, pa.uint64()))  # all collide
    rows = [(text, 7) for text in texts]
    assert found([pa.array(list(texts))], [pa.array([7] * len(texts))]) == counted(rows)


def test_many_rows_in_no_order() -> None:
    numbers = [index * 7_919 % 100_003 for index in range(100_003)]
    assert duplicates([pa.array(numbers)]) is None
    assert duplicates([pa.array(numbers[:-1])], [pa.array(numbers[1:])]) is None
    assert found([pa.array([*numbers, 5])]) == (1, 2, {(5,)})


@pytest.mark.parametrize("size", [100_003, 10_000])
def test_many_rows_are_compared_part_by_part(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(keys, "_PART_ROWS", 1 << 13)
    numbers = [*(index * 7_919 % 100_003 for index in range(100_003)), 5, 7, 5]
    batches = [pa.array(numbers[start : start + size]) for start in range(0, len(numbers), size)]
    assert found(batches) == (2, 5, {(5,), (7,)})
    texts = [batch.cast(pa.string()) for batch in batches]
    assert found(texts) == (2, 5, {("5",), ("7",)})
    assert found(texts, batches) == (2, 5, {("5", 5), ("7", 7)})


def test_one_key_for_all_rows_takes_no_memory_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_PART_ROWS", 1 << 10)
    batches = [pa.repeat(pa.scalar("the same"), 20_000)] * 10
    assert found(batches) == (1, 200_000, {("the same",)})


def test_many_repeated_keys_are_counted_and_a_few_of_them_named() -> None:
    numbers = pa.array([*range(5_000, 0, -1)])
    result = duplicates([numbers, numbers])
    assert result is not None
    assert (result.keys, result.rows, len(result.examples)) == (5_000, 10_000, 1_000)


@pytest.mark.parametrize("number", [1, 0])
def test_rows_ascend_across_batches(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(keys, "_find", lambda *_: pytest.fail("it is clear that they ascend"))
    ascending = [pa.array([number, 5]), pa.array([], pa.int64()), pa.array([6])]
    assert duplicates(ascending) is None
    with pytest.raises(pytest.fail.Exception):
        duplicates([*ascending, pa.array([6])])


def test_no_row_is_no_duplicate() -> None:
    assert KeyCheck().duplicates() is None
    assert duplicates([pa.array([], pa.int64())]) is None


def test_the_file_of_a_check_that_does_not_end_is_closed(tmp_path: Path) -> None:
    file = (tmp_path / "waiting").open("w+b")
    check = KeyCheck(lambda: file)
    check.add([pa.array([1])])
    check.close()
    assert file.closed
    KeyCheck().close()
