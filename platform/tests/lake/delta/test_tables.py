from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import parquet

from isthmus_contracts import Column, Table
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.delta.tables import (
    Base,
    TableFile,
    commit,
    files_of,
    latest_version,
    read_version,
)
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.storage import Location

Batch = Callable[..., pa.RecordBatch]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


def put(directory: Location, number: int, app_id: str | None = None) -> int:
    files = write_table(directory, NUMBERS, [pa.record_batch({"n": [number]})])
    return commit(directory, NUMBERS, files, app_id or f"put {number}")


def write_numbers(directory: Location, number: int) -> TableFile:
    (file,) = write_table(directory, NUMBERS, [pa.record_batch({"n": [number]})])
    return file


def numbers_in(directory: Location, version: int) -> list[int]:
    return [n for file in files_of(directory, version) for n in read(file)["n"].to_pylist()]


def read(file: Location) -> pa.Table:
    return parquet.ParquetFile(file.local()).read()


class TestCommit:
    @on_both
    def test_each_version_holds_its_own_files(self, folder: Location) -> None:
        assert latest_version(folder) is None
        assert [put(folder, n) for n in (7, 8, 9)] == [0, 1, 2]
        assert [numbers_in(folder, version) for version in range(3)] == [[7], [8], [9]]
        assert latest_version(folder) == 2

    def test_nothing_is_copied(self, folder: Location) -> None:
        (file,) = write_table(folder, NUMBERS, [pa.record_batch({"n": [1]})])
        before = (folder / file.name).local().stat().st_ino
        version = commit(folder, NUMBERS, [file], "a")
        (place,) = files_of(folder, version)
        assert (place, place.local().stat().st_ino) == (folder / file.name, before)

    def test_any_reader_of_delta_sees_the_newest_version(self, folder: Location) -> None:
        put(folder, 7)
        put(folder, 8)
        table = DeltaTable(folder.address)
        assert table.to_pyarrow_table().to_pydict() == {"n": [8]}
        assert table.metadata().name == "numbers"
        assert pa.table(table.get_add_actions(flatten=True))["num_records"].to_pylist() == [1]

    @on_both
    def test_the_same_publication_keeps_its_first_version(self, folder: Location) -> None:
        assert put(folder, 1, "a") == 0
        assert put(folder, 2, "b") == 1
        assert put(folder, 3, "a") == 0
        assert latest_version(folder) == 1
        assert numbers_in(folder, 0) == [1]

    def test_a_column_may_be_added_and_old_versions_stay(self, folder: Location) -> None:
        put(folder, 1)
        wider = replace(
            NUMBERS, columns=(*NUMBERS.columns, Column("s", "string", "S.", nullable=True))
        )
        rows = pa.record_batch({"n": [2], "s": ["x"]})
        version = commit(folder, wider, write_table(folder, wider, [rows]), "wider")
        fields = DeltaTable(folder.address).schema().fields
        assert [(field.name, field.nullable) for field in fields] == [("n", False), ("s", True)]
        assert numbers_in(folder, version) == [2]
        assert numbers_in(folder, 0) == [1]

    def test_the_log_never_expires(self, folder: Location) -> None:
        put(folder, 1)
        configuration = DeltaTable(folder.address).metadata().configuration
        assert configuration == {"delta.enableExpiredLogCleanup": "false"}

    def test_many_at_once_get_versions_of_their_own(self, folder: Location) -> None:
        with ThreadPoolExecutor(8) as pool:
            versions = list(pool.map(lambda n: put(folder, n), range(16)))
        assert sorted(versions) == list(range(16))
        assert [numbers_in(folder, version) for version in versions] == [[n] for n in range(16)]

    @on_both
    def test_with_a_base_its_other_files_stay(self, folder: Location) -> None:
        one, two, three = (write_numbers(folder, n) for n in (1, 2, 3))
        base = commit(folder, NUMBERS, [one, two], "both")
        version = commit(folder, NUMBERS, [three], "next", base=Base(base, (two,)))
        assert sorted(numbers_in(folder, version)) == [1, 3]
        assert sorted(numbers_in(folder, base)) == [1, 2]
        removed = commit(folder, NUMBERS, [], "none", base=Base(version, (one, three)))
        assert numbers_in(folder, removed) == []

    def test_a_newer_version_than_the_base_leaves_nothing(self, folder: Location) -> None:
        one, two, three, other = (write_numbers(folder, n) for n in (1, 2, 3, 666))
        base = commit(folder, NUMBERS, [one, two], "both")
        commit(folder, NUMBERS, [one, other], "unpublished")
        version = commit(folder, NUMBERS, [three], "next", base=Base(base, (one,)))
        assert sorted(numbers_in(folder, version)) == [2, 3]
        assert commit(folder, NUMBERS, [three], "next", base=Base(base, (one,))) == version
        counts = pa.table(read_version(folder).get_add_actions(flatten=True))["num_records"]
        assert counts.to_pylist() == [1, 1]

    def test_a_newer_version_with_other_columns_leaves_nothing(self, folder: Location) -> None:
        one, two = (write_numbers(folder, n) for n in (1, 2))
        base = commit(folder, NUMBERS, [one], "one")
        nullable = replace(NUMBERS, columns=(replace(NUMBERS.columns[0], nullable=True),))
        commit(folder, nullable, [one], "nullable")
        version = commit(folder, NUMBERS, [two], "next", base=Base(base))
        assert sorted(numbers_in(folder, version)) == [1, 2]
        assert [field.nullable for field in read_version(folder).schema().fields] == [False]

    def test_a_base_without_a_log_is_an_error(self, folder: Location) -> None:
        one = write_numbers(folder, 1)
        with pytest.raises(DeltaError):
            commit(folder, NUMBERS, [one], "one", base=Base(0))

    def test_after_a_large_commit_there_is_a_checkpoint(
        self, folder: Location, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tables, "_LARGE", 2)
        files = [write_numbers(folder, n) for n in (1, 2)]
        commit(folder, NUMBERS, files[:1], "small")
        assert not [name for name in (folder / "_delta_log").names() if "checkpoint" in name]
        version = commit(folder, NUMBERS, files, "large")
        assert f"{version:020}.checkpoint.parquet" in (folder / "_delta_log").names()
        assert sorted(numbers_in(folder, version)) == [1, 2]
        assert numbers_in(folder, 0) == [1]

    @on_both
    def test_one_publication_at_once_is_committed_once(self, folder: Location) -> None:
        with ThreadPoolExecutor(6) as pool:
            versions = set(pool.map(lambda n: put(folder, n, "same"), range(6)))
        assert versions == {0}
        assert latest_version(folder) == 0

    def test_an_error_other_than_a_conflict_is_raised(
        self, folder: Location, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(folder, 1)

        def failing(*_: object) -> None:
            raise DeltaError("the disk is full")

        monkeypatch.setattr(tables, "_write", failing)
        with pytest.raises(DeltaError, match="the disk is full"):
            put(folder, 2)
        assert latest_version(folder) == 0
