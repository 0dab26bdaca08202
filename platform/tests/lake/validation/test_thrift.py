from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_platform.lake.validation import thrift
from isthmus_platform.lake.validation.thrift import Struct, read_footer


def footer(folder: Path, content: bytes) -> Struct:
    path = folder / "some.parquet"
    path.write_bytes(b"PAR1" + content + len(content).to_bytes(4, "little") + b"PAR1")
    return read_footer(path)


def test_a_footer_is_read_as_pyarrow_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "some.parquet"
    rows = pa.table({f"column{i}": range(-5, 300) for i in range(20)})
    parquet.write_table(rows, path, row_group_size=200)
    found = read_footer(path)
    groups = found.all(4, Struct)
    columns = [chunk.get(3, Struct) for chunk in groups[1].all(1, Struct)]
    assert found.get(3, int) == 305
    assert [group.get(3, int) for group in groups] == [200, 105]
    assert [column and column.all(3, bytes) for column in columns] == [
        [name.encode()] for name in rows.column_names
    ]
    assert found.get(6, bytes) == parquet.read_metadata(path).created_by.encode()


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"\x00", {}),
        (b"\x11\x12\x00", {1: 1, 2: 0}),
        (b"\x15\x03\x16\x02\x00", {1: -2, 2: 1}),
        (b"\x05\x80\x02\x02\x00", {128: 1}),  # a field whose number is written out
        (b"\x17\x00\x00\x00\x00\x00\x00\x00\x00\x00", {1: None}),
        (b"\x19\x21\x01\x02\x00", {1: [1, 2]}),
        (b"\x1c\x18\x01a\x00\x00", {1: Struct({1: b"a"})}),
    ],
)
def test_values_of_every_kind(tmp_path: Path, content: bytes, fields: dict[int, object]) -> None:
    assert footer(tmp_path, content) == Struct(fields)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "ends in the middle"),
        (b"\x15", "ends in the middle"),
        (b"\x18\x7fab\x00", "ends in the middle"),
        (b"\x19\xf5\xff\xff\xff\xff\x0f\x00", "ends in the middle"),  # a list of 2**32 numbers
        (b"\x15\x02\x05\x02\x02\x00", "has field 1 of a structure twice"),
        (b"\x1b\x00", "has a value of kind 11"),
        (b"\x1c" * 100, "nested too deep"),
        (b"\x19\x19" * 2_000, "nested too deep"),
    ],
)
def test_what_is_no_such_structure_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        footer(tmp_path, content)


def test_a_large_footer_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thrift, "_MOST_BYTES", 3)
    with pytest.raises(ValueError, match="its footer has 4 bytes; read are 3 at most"):
        footer(tmp_path, b"\x11\x12\x11\x00")


def test_a_field_of_another_kind_is_refused() -> None:
    struct = Struct({1: b"a", 2: [1, b"a"]})
    with pytest.raises(ValueError, match="a field 1 of another type"):
        struct.get(1, int)
    with pytest.raises(ValueError, match="a field 2 of another type"):
        struct.all(2, int)
    assert struct.get(3, int) is None
    assert struct.all(3, int) == []
