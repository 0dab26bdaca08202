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
from isthmus_platform.lake.releases import tombstones
from isthmus_platform.lake.releases.pointer import (
    Move,
    append_move,
    append_removal,
    last_move,
)
from isthmus_platform.lake.releases.tombstones import (
    RemovedReleaseError,
    Tombstone,
    check_not_collected,
    check_not_removed,
    remove_covered,
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


@pytest.fixture
def origin(lake: Lake) -> Location:
    """Return the pointer of another dataflow, which has published two releases."""
    pointer = lake.pointer(ORIGIN)
    append_move(pointer, None, "a-1", "publish", "run")
    append_move(pointer, last_move(pointer), "a-2", "publish", "run")
    return pointer


def last_of(pointer: Location) -> Move:
    last = last_move(pointer)
    assert last is not None
    return last


def test_a_removed_release_is_known_as_removed(lake: Lake, origin: Location) -> None:
    check_not_removed(lake, ORIGIN, "a-1", last_of(origin))
    append_removal(origin, last_of(origin), 2, (), "eve")
    check_not_removed(lake, ORIGIN, "a-2", last_of(origin))
    with pytest.raises(
        RemovedReleaseError, match=r"release a-1 of origin\.v1 was removed by eve on"
    ):
        check_not_removed(lake, ORIGIN, "a-1", last_of(origin))


def test_an_input_of_a_release_that_was_removed_is_refused(
    lake: Lake, reader: DataflowContract, origin: Location
) -> None:
    inputs = {"shared": Pin("dataflows/origin/v1/tables/shared", 0, "a-1")}
    check_not_collected(lake, reader, (), inputs)
    append_removal(origin, last_of(origin), 2, (), "eve")
    with pytest.raises(RemovedReleaseError, match=r"release a-1 of origin\.v1 was removed"):
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


def test_a_tombstone_that_says_nothing_more_is_removed(lake: Lake) -> None:
    now = datetime.now(UTC)
    said = {
        "older": Tombstone((now - timedelta(days=2)).isoformat(), None, "eve"),
        "older of one": Tombstone((now - timedelta(days=2)).isoformat(), "a.v1", "eve"),
        "younger of one": Tombstone(now.isoformat(), "a.v1", "eve"),
        "own": Tombstone((now - timedelta(days=1)).isoformat(), None, "eve"),
    }
    for name, document in said.items():
        write_once(lake.tombstones() / f"{name}.json", document)
    remove_covered(lake, said["older of one"], "older of one.json")
    assert len(lake.tombstones().names()) == 4
    remove_covered(lake, said["own"], "own.json")
    assert lake.tombstones().names() == ("own.json", "younger of one.json")


def test_a_tombstone_that_is_removed_while_it_is_read_is_not_missed(
    lake: Lake,
    dataflow: DataflowContract,
    file: Location,
    collect_before: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(UTC)
    collect_before(now + timedelta(days=1))
    real = tombstones.documents_in

    def removed_since(folder: Location) -> tuple[Location, ...]:
        found = real(folder)
        monkeypatch.setattr(tombstones, "documents_in", real)
        own = Tombstone((now + timedelta(days=2)).isoformat(), None, "eve")
        write_once(lake.tombstones() / "own.json", own)
        remove_covered(lake, own, "own.json")
        return found

    monkeypatch.setattr(tombstones, "documents_in", removed_since)
    with pytest.raises(PublicationError, match="is too old"):
        check_not_collected(lake, dataflow, [file], {})
    assert lake.tombstones().names() == ("own.json",)
