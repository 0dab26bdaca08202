from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_platform.lake.validation.column_reader import ColumnReader
from isthmus_platform.lake.validation.thrift import read_footer
from isthmus_platform.lake.validation.values import NUMBERED

ROWS = pa.table(
    {
        "id": pa.array(range(10), pa.int64()),
        "name": ["a long text that repeats"] * 10,
        "text": [f"text {number} that is as long as it is alone" for number in range(10)],
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    parquet.write_table(ROWS, path, row_group_size=4, use_dictionary=["name"])
    return path


def reader(path: Path, name: str) -> ColumnReader:
    return ColumnReader(path, parquet.read_metadata(path), read_footer(path), name)


@pytest.mark.parametrize("name", ROWS.column_names)
def test_a_column_is_read_row_group_by_row_group(path: Path, name: str) -> None:
    column = reader(path, name)
    assert [chunk.rows for chunk in column.chunks] == [4, 4, 2]
    assert column.bytes == sum(chunk.bytes for chunk in column.chunks)
    values: list[object] = []
    with column:
        for group in range(3):
            for array in column.batches(group):
                values.extend(array.to_pylist())
    assert values == ROWS[name].to_pylist()


def test_texts_are_numbered_only_if_the_file_numbers_them(path: Path) -> None:
    types = {}
    for name in ("name", "text"):
        with reader(path, name) as column:
            types[name] = {array.type for array in column.batches(0)}
    assert types == {"name": {NUMBERED}, "text": {pa.string()}}
