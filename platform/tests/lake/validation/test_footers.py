from __future__ import annotations

import base64
import math
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyarrow.parquet import encryption

from isthmus_contracts import Column, ColumnType, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.schemas import arrow_schema, arrow_type
from isthmus_platform.lake.validation.checker import Checker

DAY = date(2013, 1, 1)
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
NO_DAY = 2**31 - 1  # as a date, beyond every calendar
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
    if values == [NO_DAY]:
        column = pa.array(values, pa.int32()).view(pa.date32())
    else:
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
        ("int64", [1, 9], [1, 5], "column 'x' say the most is 5; it is 9"),
        ("int64", [1, 5], [1, 9], "column 'x' say the most is 9; it is 5"),
        ("float64", [0.5, 2.0], [1.0, 2.0], "say the least is 1.0; it is 0.5"),
        ("bool", [True, None], [True, True], "column 'x' say 0 nulls where there are 1"),
        ("string", ["EWR", "JFK"], ["EWR", "EWR"], "say the most is 'EWR'; it is 'JFK'"),
        ("string", ["EWR", "JFK"], ["JFK", "JFK"], "say the least is 'JFK'; it is 'EWR'"),
        ("string", ["JFK", "JFK"], ["EWR", "LGA"], None),
        ("bool", [True, False], [True, True], "say the least is True; it is False"),
        (
            "date",
            [DAY, DAY],
            [date(2014, 1, 1)] * 2,
            "say the least is 2014-01-01; it is 2013-01-01",
        ),
        ("timestamp", [NOON, NOON], [datetime(2014, 1, 1, tzinfo=UTC)] * 2, "is 2014-01-01 00:00"),
        ("date", [DAY], [NO_DAY], "the least is 2147483647; it is 2013-01-01"),
        ("date", [NO_DAY], [DAY], "the least is 2013-01-01; it is 2147483647"),
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


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """Write other bytes, as many, into the footer, wherever the old ones are."""
    content = path.read_bytes()
    at = len(content) - footer_length(content)
    assert old in content[at:]
    assert len(old) == len(new)
    path.write_bytes(content[:at] + content[at:].replace(old, new))
    return path


NINE, ONE = (b"\x18\x08" + bytes([number]) + bytes(7) for number in (9, 1))


@pytest.mark.parametrize(
    ("value", "old", "new", "problem"),
    [
        # The file's rows, before its row groups.
        (9, b"\x16\x02\x19\x1c\x19", b"\x16\x10\x19\x1c\x19", "says 8 rows where its row groups h"),
        # The column's name in the row group, after its length in a list.
        (9, b"\x19\x18\x01x", b"\x19\x18\x01y", "row group with 'y', INT64, where"),
        # The column's type in the row group, before its encodings.
        (9, b"\x15\x04\x19\x25", b"\x15\x02\x19\x25", "row group with 'x', INT32, where"),
        # A type that nobody knows, for which pyarrow ends the process.
        (9, b"\x15\x04\x19\x25", b"\x15\x70\x19\x25", "a file cannot be read as Parquet"),
        # The bounds of older writers, which pyarrow passes over beside the newer ones.
        (9, NINE + NINE + b"\x16", ONE + ONE + b"\x16", "say the least is 1; it is 9"),
        ("abc", b"\x03abc", b"\x03\xffbc", "say the least is '\ufffdbc'; it is 'abc'"),
        # The column's name is no text.
        (9, b"\x18\x01x", b"\x18\x01\xff", "a file cannot be read as Parquet"),
    ],
)
def test_a_footer_that_contradicts_itself_is_refused(
    tmp_path: Path, value: object, old: bytes, new: bytes, problem: str
) -> None:
    path, kind = tmp_path / "changed.parquet", "string" if isinstance(value, str) else "int64"
    written(path, kind, [value], store_schema=False)
    assert problem in " ".join(problems(changed(path, old, new), kind))


def test_bounds_too_short_for_their_column_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.parquet"
    parquet.write_table(pa.table({"x": pa.array([1, 2], pa.int32())}), path, **PLAIN)
    changed(path, b"\x15\x02\x25", b"\x15\x04\x25")  # the type in the schema, with 4 bytes a bound
    changed(path, b"\x15\x02\x19\x25", b"\x15\x04\x19\x25")
    changed(path, b"\x16\x04\x19\x1c", b"\x16\x02\x19\x1c")  # one row of 8 bytes
    assert "file" in " ".join(problems(path, "int64"))


def test_a_column_that_is_said_to_be_in_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "here.parquet"
    content = written(path, "int64", [1])
    footer = parquet.read_metadata(path)
    footer.set_file_path("elsewhere.parquet")
    footer.write_metadata_file(tmp_path / "footer")
    path.write_bytes(content[: -footer_length(content)] + (tmp_path / "footer").read_bytes()[4:])
    assert problems(path, "int64") == ("table 't': a file says that 'x' is in another file",)


def test_a_page_that_does_not_match_its_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.parquet"
    content = written(path, "int64", [1, 2], write_page_checksum=True, write_statistics=False)
    path.write_bytes(content.replace(b"\2\0\0\0\0\0\0\0", b"\3\0\0\0\0\0\0\0", 1))
    (problem,) = problems(path, "int64")
    assert "CRC" in problem


def test_a_file_that_does_not_begin_as_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "head.parquet"
    path.write_bytes(b"XXXX" + written(path, "int64", [1])[4:])
    (problem,) = problems(path, "int64")
    assert "does not begin with PAR1" in problem


class Keys(encryption.KmsClient):
    """Keep keys where anybody finds them."""

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64encode(key)

    def unwrap_key(self, wrapped: bytes, _: str) -> bytes:
        return base64.b64decode(wrapped)


@pytest.mark.parametrize("has_plain_footer", [True, False])
def test_an_encrypted_file_is_refused(tmp_path: Path, has_plain_footer: bool) -> None:
    configuration = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["x"]}, plaintext_footer=has_plain_footer
    )
    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), configuration)
    path = tmp_path / "encrypted.parquet"
    rows = pa.table({"x": [1, 2]})
    with parquet.ParquetWriter(path, rows.schema, encryption_properties=properties) as writer:
        writer.write_table(rows)
    (problem,) = problems(path, "int64")
    assert "crypt" in problem
