from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_contracts import Column, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.delta.tables import commit, files_of, latest_version
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import Location

Batch = Callable[..., pa.RecordBatch]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


def put(directory: Location, number: int, app_id: str | None = None) -> int:
    files = write_table(directory, NUMBERS, [pa.record_batch({"n": [number]})])
    return commit(directory, NUMBERS, files, app_id or f"put {number}")


def numbers_in(directory: Location, version: int) -> list[int]:
    return [n for file in files_of(directory, version) for n in read(file)["n"].to_pylist()]


def read(file: Location) -> pa.Table:
    return parquet.ParquetFile(file.local()).read()


class TestWrite:
    @on_both
    def test_batches_are_streamed_into_one_file(
        self, folder: Location, days: Table, batch: Batch
    ) -> None:
        shuffled = batch(date=[date(2013, 1, 2)] * 2).select(
            ["updated", "is_holiday", "gust", "late_share", "flights", "date", "origin"]
        )
        (file,) = write_table(folder, days, iter([batch(), shuffled]))
        written = read(folder / file.name)
        assert (file.rows, written.num_rows) == (4, 4)
        found = (folder / file.name).find()
        assert found is not None
        assert found.bytes == file.bytes
        assert written.schema.equals(arrow_schema(days))
        assert latest_version(folder) is None

    def test_no_batch_makes_an_empty_file(self, folder: Location) -> None:
        (file,) = write_table(folder, NUMBERS, [])
        assert read(folder / file.name).schema.equals(arrow_schema(NUMBERS))
        assert file.rows == 0

    def test_data_that_break_the_contract_leave_nothing(
        self, folder: Location, days: Table, batch: Batch
    ) -> None:
        bad = [batch(), batch(flights=[None, 0]), batch(gust=pa.array([1, 2]))]
        with pytest.raises(TableContractError) as caught:
            write_table(folder, days, bad)
        assert len(caught.value.problems) == 4
        assert not list(folder.local().iterdir())

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
    def test_a_source_that_breaks_off_leaves_nothing(
        self, folder: Location, error: type[BaseException]
    ) -> None:
        def breaking() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"n": [1]})
            raise error

        with pytest.raises(error):
            write_table(folder, NUMBERS, breaking())
        assert not list(folder.local().iterdir())
