from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_contracts import Column, Table
from isthmus_platform.lake import parquet_writer
from isthmus_platform.lake.parquet_writer import ParquetWriter
from isthmus_platform.lake.schemas import arrow_schema

NUMBERS = Table("numbers", "Numbers.", (Column("n", "int64", "N."),))


def written(path: Path, table: Table, batches: Iterable[pa.RecordBatch]) -> Path:
    with path.open("wb") as file, ParquetWriter(file, table) as writer:
        for batch in batches:
            writer.add(batch)
    return path


def test_a_file_has_the_schema_of_the_contract_and_nothing_else(
    tmp_path: Path, days: Table, batch: Callable[..., pa.RecordBatch]
) -> None:
    rows = batch().replace_schema_metadata({"pandas": "{}", "geo": "{}"})
    path = written(tmp_path / "days.parquet", days, [rows])
    footer = parquet.read_metadata(path)
    assert footer.metadata is None
    assert parquet.read_schema(path).equals(arrow_schema(days), check_metadata=True)
    assert parquet.read_table(path).to_pylist() == batch().to_pylist()


def test_statistics_are_those_of_the_values(
    tmp_path: Path, days: Table, batch: Callable[..., pa.RecordBatch]
) -> None:
    rows = batch(updated=[datetime(2013, 1, 1, tzinfo=UTC), None])
    path = written(tmp_path / "days.parquet", days, [rows])
    group = parquet.read_metadata(path).row_group(0)
    found = {}
    for i in range(group.num_columns):
        column = group.column(i)
        statistics = column.statistics
        found[column.path_in_schema] = (statistics.null_count, statistics.min, statistics.max)
    assert found == {
        "origin": (0, "EWR", "JFK"),
        "date": (0, date(2013, 1, 1), date(2013, 1, 1)),
        "flights": (0, 3, 4),
        "late_share": (0, 0.0, 1.0),
        "gust": (1, 7.5, 7.5),
        "is_holiday": (1, True, True),
        "updated": (1, *[datetime(2013, 1, 1, tzinfo=UTC)] * 2),
    }


def test_the_same_batches_make_the_same_file(tmp_path: Path) -> None:
    batch = pa.record_batch({"n": range(1000)})
    first, second = (written(tmp_path / name, NUMBERS, [batch, batch]) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    other = written(tmp_path / "c", NUMBERS, [batch, batch.slice(0, 500), batch.slice(500)])
    assert other.read_bytes() == first.read_bytes()


@pytest.mark.parametrize(("limit", "sizes"), [("_GROUP_ROWS", 1000), ("_GROUP_BYTES", 8000)])
def test_batches_are_collected_into_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, sizes: int
) -> None:
    monkeypatch.setattr(parquet_writer, limit, sizes)
    batch = pa.record_batch({"n": range(600)})
    footer = parquet.read_metadata(written(tmp_path / "n", NUMBERS, [batch] * 5))
    rows = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert rows == [1200, 1200, 600]


@pytest.mark.parametrize("batches", [[], [pa.record_batch({"n": pa.array([], pa.int64())})]])
def test_a_file_without_rows_has_its_schema(tmp_path: Path, batches: list[pa.RecordBatch]) -> None:
    rows = parquet.read_table(written(tmp_path / "none", NUMBERS, batches))
    assert rows.schema.equals(arrow_schema(NUMBERS))
    assert rows.num_rows == 0


def test_only_what_repeats_has_a_dictionary(tmp_path: Path) -> None:
    table = Table("t", "T.", (Column("n", "int64", "N."), Column("s", "string", "S.")))
    rows = pa.record_batch({"n": range(1000), "s": ["a", "b"] * 500})
    group = parquet.read_metadata(written(tmp_path / "t", table, [rows])).row_group(0)
    assert [group.column(i).has_dictionary_page for i in range(2)] == [False, True]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_ends_the_writing(tmp_path: Path, error: type[BaseException]) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": range(10)})
        raise error

    with pytest.raises(error):
        written(tmp_path / "broken", NUMBERS, broken())


def test_a_disk_that_is_full_is_reported() -> None:
    batch = pa.record_batch({"n": range(10)})
    with pytest.raises(OSError, match="No space left on device"):
        written(Path("/dev/full"), NUMBERS, [batch])
