from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from isthmus_contracts import DataflowContract, Identity, Input, Table
from isthmus_platform.errors import LakeError, PublicationError
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.pointer import append_move, append_removal, read_moves
from isthmus_platform.lake.releases.tombstones import (
    RemovedReleaseError,
    Tombstone,
    check_not_collected,
    check_not_removed,
    removed_releases,
)
from isthmus_platform.storage import Location

ORIGIN = Identity("origin", 1)


@pytest.fixture
def reader(dataflow: DataflowContract, days: Table) -> DataflowContract:
    return replace(dataflow, inputs=(Input(replace(days, name="shared"), ORIGIN),))


@pytest.fixture
def file(lake: Lake) -> Location:
    place = lake.path("x.parquet")
    place.store.create(place.key, b"")
    return place


@pytest.fixture
def collect_before(lake: Lake) -> Callable[..., None]:
    def say(when: datetime, dataflow: str | None = None) -> None:
        count = len(lake.tombstones().names())
        document = Tombstone(when.isoformat(), dataflow, "eve")
        write_once(lake.tombstones() / f"{count}.json", document)

    return say


def test_a_removed_release_is_known_as_removed(folder: Location) -> None:
    append_move(folder, (), "a", "publish", "run")
    append_move(folder, read_moves(folder), "b", "publish", "run")
    assert removed_releases(read_moves(folder)) == frozenset()
    check_not_removed(ORIGIN, "a", read_moves(folder))
    append_removal(folder, read_moves(folder), ("a",), "eve")
    moves = read_moves(folder)
    assert removed_releases(moves) == {"a"}
    check_not_removed(ORIGIN, "b", moves)
    with pytest.raises(RemovedReleaseError, match=r"release a of origin\.v1 was removed by eve on"):
        check_not_removed(ORIGIN, "a", moves)


def test_an_input_of_a_release_that_was_removed_is_refused(
    lake: Lake, reader: DataflowContract
) -> None:
    pointer = lake.pointer(ORIGIN)
    append_move(pointer, (), "a", "publish", "run")
    append_move(pointer, read_moves(pointer), "b", "publish", "run")
    inputs = {"shared": Pin("dataflows/origin/v1/tables/shared", 0, "a")}
    check_not_collected(lake, reader, (), inputs)
    append_removal(pointer, read_moves(pointer), ("a",), "eve")
    with pytest.raises(RemovedReleaseError, match=r"release a of origin\.v1 was removed"):
        check_not_collected(lake, reader, (), inputs)


def test_files_of_any_age_pass_where_there_is_no_tombstone(
    lake: Lake, dataflow: DataflowContract, file: Location
) -> None:
    os.utime(file.local(), (0, 0))
    check_not_collected(lake, dataflow, [file], {"x": Pin("sources/gone/x", 3)})


def test_the_latest_limit_counts_and_only_where_it_is_meant(
    lake: Lake, dataflow: DataflowContract, file: Location, collect_before: Callable[..., None]
) -> None:
    now = datetime.now(UTC)
    collect_before(now - timedelta(days=1))
    collect_before(now + timedelta(days=1), "other.v1")
    check_not_collected(lake, dataflow, [file], {})
    collect_before(now + timedelta(days=1), str(dataflow.identity))
    collect_before(now - timedelta(days=1))
    with pytest.raises(
        PublicationError, match=r"x\.parquet is too old and may have been removed by garbage"
    ):
        check_not_collected(lake, dataflow, [file], {})


def test_a_missing_file_is_refused_however_new_it_was(
    lake: Lake, dataflow: DataflowContract, collect_before: Callable[..., None]
) -> None:
    collect_before(datetime(2000, 1, 1, tzinfo=UTC))
    with pytest.raises(
        PublicationError, match="may have been removed by garbage collection; start a new run"
    ):
        check_not_collected(lake, dataflow, [lake.path("gone.parquet")], {})


def test_a_tombstone_that_cannot_be_read_stops_a_publication(
    lake: Lake, dataflow: DataflowContract
) -> None:
    lake.store.create(f"{lake.tombstones().key}/x.json", b"{}")
    with pytest.raises(LakeError, match=r"x\.json"):
        check_not_collected(lake, dataflow, [], {})
