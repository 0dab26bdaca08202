from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_contracts import Column, ColumnType, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.checks import Checker
from isthmus_platform.lake.schemas import arrow_schema, arrow_type

DAY = date(2013, 1, 1)
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
PLAIN = {"compression": "none", "use_dictionary": False}


def problems(path: Path, kind: ColumnType, key: tuple[str, ...] = ()) -> tuple[str, ...]:
    checker = Checker(Table("t", "T.", (Column("x", kind, "A.", nullable=not key),), key=key))
    checker.add_file(path)
    try:
        checker.finish()
    except TableContractError as error:
        return error.problems
    return ()


def written(path: Path, kind: ColumnType, values: list[object], **options: object) -> bytes:
    schema = arrow_schema(Table("t", "T.", (Column("x", kind, "A.", nullable=True),)))
    column = pa.array(values, arrow_type(kind), from_pandas=False)
    parquet.write_table(pa.table([column], schema=schema), path, **{**PLAIN, **options})
    return path.read_bytes()


def footer_length(content: bytes) -> int:
    return int.from_bytes(content[-8:-4], "little") + 8


def lying(folder: Path, kind: ColumnType, values: list[object], claimed: list[object]) -> Path:
    """Write a file with these values and the footer of a file with the others."""
    real, path = written(folder / "real", kind, values), folder / "lying.parquet"
    other = written(folder / "claimed", kind, claimed)
    assert len(real) - footer_length(real) == len(other) - footer_length(other)
    path.write_bytes(real[: -footer_length(real)] + other[-footer_length(other) :])
    return path


@pytest.mark.parametrize(
    ("kind", "values", "claimed", "problem"),
    [
        ("int64", [1, 9], [1, 5], "column 'x' say 1 to 5; its values are 1 to 9"),
        ("int64", [1, 5], [1, 9], "column 'x' say 1 to 9; its values are 1 to 5"),
        ("float64", [0.5, 2.0], [1.0, 2.0], "say 1.0 to 2.0; its values are 0.5 to 2.0"),
        ("bool", [True, None], [True, True], "column 'x' say 0 nulls where there are 1"),
        ("string", ["EWR", "JFK"], ["EWR", "EWR"], "its values are 'EWR' to 'JFK'"),
        ("bool", [True, False], [True, True], "say True to True; its values are False to True"),
        ("date", [DAY, DAY], [date(2014, 1, 1)] * 2, "say 2014-01-01 to 2014-01-01"),
        ("timestamp", [NOON, NOON], [datetime(2014, 1, 1, tzinfo=UTC)] * 2, "say 2014-01-01"),
        ("int64", [None, None, 7], [None, 7, None], None),
        ("string", [None, None], [None] * 3, "footer says 3 rows where there are 2"),
    ],
)
def test_a_footer_that_lies_is_refused(
    tmp_path: Path,
    kind: ColumnType,
    values: list[object],
    claimed: list[object],
    problem: str | None,
) -> None:
    found = problems(lying(tmp_path, kind, values, claimed), kind)
    assert bool(found) == bool(problem), found
    if problem:
        assert problem in found[0]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int64", [-(2**63), 2**63 - 1, None]),
        ("int64", []),
        ("float64", [math.nan, -0.0, 0.0, math.inf, None]),
        ("float64", [math.nan, math.nan]),
        ("string", ["", "z", "é", "\U0001f600", "x" * 10_000, None]),
        ("string", [None, None]),
        ("bool", [True, None]),
        ("date", [DAY, date(1, 1, 1), None]),
        ("timestamp", [NOON, datetime(1969, 1, 1, tzinfo=UTC), None]),
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": True, "row_group_size": 2},
        {"write_statistics": False},
        {"store_schema": False, "data_page_version": "2.0"},
    ],
)
def test_an_honest_file_passes(
    tmp_path: Path, kind: ColumnType, values: list[object], options: dict[str, object]
) -> None:
    path = tmp_path / "honest.parquet"
    written(path, kind, values, **options)
    assert problems(path, kind) == ()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"write_page_index": True}, "a page index of 'x'"),
        ({"bloom_filter_options": {"x": True}}, "a Bloom filter of 'x'"),
        ({"sorting_columns": [parquet.SortingColumn(0)]}, "a sort order"),
    ],
)
def test_what_is_not_checked_is_refused(
    tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    path = tmp_path / "more.parquet"
    written(path, "string", ["a", "b"], **options)
    (found,) = problems(path, "string")
    assert problem in found
    assert found.endswith("which is not checked; write it without")


def test_columns_of_different_lengths_are_refused(tmp_path: Path) -> None:
    columns = (Column("x", "int64", "A.", nullable=True), Column("y", "int64", "B."))
    table = Table("t", "T.", columns)
    path = tmp_path / "uneven.parquet"
    rows = pa.table({"x": [None] * 3, "y": [1, 2, 3]}, schema=arrow_schema(table))
    parquet.write_table(rows, path, **PLAIN, write_statistics=False)
    content = path.read_bytes()
    at = content.index(b"\x15\x06")  # how many values the first page has: 3
    path.write_bytes(content[:at] + b"\x15\x04" + content[at + 2 :])
    checker = Checker(table)
    checker.add_file(path)
    with pytest.raises(TableContractError, match="file"):
        checker.finish()


def test_a_text_of_the_dictionary_that_does_not_occur_is_no_value(tmp_path: Path) -> None:
    path = tmp_path / "numbered.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array([1, 0] * 500, pa.int32()), ["b", "a", "zzz"])
    parquet.write_table(pa.table({"x": texts}), path)
    column = Column("x", "string", "A.", choices=("a", "b"))
    checker = Checker(Table("t", "T.", (column,)))
    checker.add_file(path)
    assert checker.finish() == 1000
