from __future__ import annotations

import mmap

import pandas as pd
import pyarrow as pa
import pytest

from isthmus_contracts import Column, Table
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.frames import outputs
from isthmus_transforms.runtime.frames.outputs import as_contracted, batches_of
from isthmus_transforms.runtime.frames.types import arrow_schema

TABLE = Table("days", "Days.", (Column("a", "int64", "A."), Column("b", "string", "B.")))


def rows(count: int) -> pa.Table:
    return as_contracted(TABLE, pd.DataFrame({"b": ["x"] * count, "a": range(count)}))


def test_texts_may_be_longer_than_2_gib_in_all() -> None:
    assert rows(3).schema.field("b").type == pa.large_string()
    (batch,) = batches_of(TABLE, rows(3))
    assert batch.schema == arrow_schema(TABLE)


def test_a_column_of_several_chunks_keeps_them() -> None:
    pieces = [pd.Series(["a"] * 3, dtype="str"), pd.Series(["b"], dtype="str")]
    column = pd.concat(pieces, ignore_index=True)
    assert isinstance(pa.Array.from_pandas(column), pa.ChunkedArray)
    made = as_contracted(TABLE, pd.DataFrame({"a": range(4), "b": column}))["b"]
    # One chunk would have been made of a Python object for each row.
    assert [chunk.to_pylist() for chunk in made.chunks] == [["a"] * 3, ["b"]]


@pytest.mark.parametrize(("limit", "sizes"), [(1 << 25, [10]), (100, [5, 5]), (1, [1] * 10)])
def test_batches_are_halved_until_they_are_small(
    monkeypatch: pytest.MonkeyPatch, limit: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(outputs, "_BATCH_BYTES", limit)
    batches = list(batches_of(TABLE, rows(10)))
    assert [len(batch) for batch in batches] == sizes
    assert pa.Table.from_batches(batches)["a"].to_pylist() == list(range(10))


def test_a_slice_from_beyond_2_gib_of_text_is_a_batch() -> None:
    far = 2**31 + 8
    offsets = pa.py_buffer(b"".join(end.to_bytes(8, "little") for end in (far - 8, far - 3, far)))
    with mmap.mmap(-1, far) as text:  # nothing of it is in memory but its last page
        text[far - 8 :] = b"helloyou"
        column = pa.Array.from_buffers(pa.large_string(), 2, [None, offsets, pa.py_buffer(text)])
        table = pa.table({"a": [1, 2], "b": column})
        (batch,) = batches_of(TABLE, table)
        del column, table
        assert batch["b"].to_pylist() == ["hello", "you"]
        assert batch.schema == arrow_schema(TABLE)


def test_a_table_without_rows_has_no_batch() -> None:
    assert sum(len(batch) for batch in batches_of(TABLE, rows(0))) == 0


def test_an_error_that_is_no_mistake_of_the_frame_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(outputs, "_convert", broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        rows(1)


def test_each_column_of_another_type_is_named() -> None:
    with pytest.raises(OutputError) as caught:
        as_contracted(TABLE, pd.DataFrame({"a": ["x"], "b": [1]}))
    assert [problem.split(" is ")[0] for problem in caught.value.problems] == [
        "column 'a'",
        "column 'b'",
    ]
