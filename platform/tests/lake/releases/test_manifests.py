from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from isthmus_contracts import Interval, Partitioning
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import TableFile
from isthmus_platform.lake.releases import manifests
from isthmus_platform.lake.releases.manifests import (
    all_files,
    find_partitions,
    key_of,
    manifests_of,
    own_files,
    partitions_of,
    read_manifest,
    replace_partitions,
    write_manifests,
)
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
)
from isthmus_platform.storage import Location

PATH = "dataflows/delays/v1/tables/days"
MONTHS = ("2012-12", "2013-01", "2013-02")
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def part(name: str, run: str = "first") -> ReleasedPartition:
    return ReleasedPartition(run, (TableFile(f"{name}.parquet", 10, 2),))


@pytest.fixture
def table(lake: Lake) -> ReleasedTable:
    names = write_manifests(lake, PATH, {name: part(name) for name in MONTHS})
    return ReleasedTable(PATH, 0, 6, {}, names, Partitioning("day", "month"))


def release(table: ReleasedTable, run: str, interval: Interval | None = None) -> Release:
    facts = ("a-1", "delays.v1", "1.0.0", "code", run, "0", "2013-01-01T00:00:00+00:00", {}, {})
    files = {"report": ReleasedFile("dataflows/delays/v1/files/report/x.html", 8, "0")}
    return Release(*facts, {"days": table}, files, {}, interval=interval)


@pytest.mark.parametrize(
    ("partition", "key"),
    [("2013-01-31", "2013-01"), ("2013-01", "2013"), ("2013", ""), ("", "")],
)
def test_a_manifest_lists_what_differs_in_the_last_part(partition: str, key: str) -> None:
    assert key_of(partition) == key


@on_both
def test_what_is_written_is_read(lake: Lake, table: ReleasedTable) -> None:
    assert list(table.manifests) == ["2012", "2013"]
    assert len(lake.manifests(PATH).names()) == 2
    assert partitions_of(lake, table) == {name: part(name) for name in MONTHS}
    assert read_manifest(lake, table, "2012") == {"2012-12": part("2012-12")}
    assert read_manifest(lake, table, "2011") == {}


def test_manifests_that_need_not_be_read_are_not(lake: Lake, table: ReleasedTable) -> None:
    (lake.manifests(PATH) / f"{table.manifests['2012']}.json").remove()
    found = partitions_of(lake, table, {table.manifests["2012"]})
    assert list(found) == ["2013-01", "2013-02"]
    names = ("2013-02", "2013-03", "2014-01")
    assert find_partitions(lake, table, names) == {"2013-02": part("2013-02")}


def test_each_manifest_is_read_once(
    table: ReleasedTable, counted: tuple[Lake, Counter[str]]
) -> None:
    lake, counts = counted
    by = Partitioning("day", "month")
    names = by.names(Interval(date(2012, 1, 1), date(2014, 1, 1)))
    assert len(find_partitions(lake, table, names)) == 3
    assert counts == {"read": 2}


def test_a_part_is_replaced_and_its_manifest_alone_is_written(
    lake: Lake, table: ReleasedTable
) -> None:
    new = {"2013-01": part("new", "second"), "2013-03": part("more", "second")}
    names, replaced = replace_partitions(lake, table, ("2013-01", "2013-02", "2013-03"), new)
    assert replaced == (part("2013-01"), part("2013-02"))
    assert names["2012"] == table.manifests["2012"]
    assert names["2013"] != table.manifests["2013"]
    after = ReleasedTable(PATH, 1, 6, {}, names)
    assert partitions_of(lake, after) == {"2012-12": part("2012-12"), **new}
    assert partitions_of(lake, table) == {name: part(name) for name in MONTHS}


def test_a_manifest_without_partitions_is_not_named(lake: Lake, table: ReleasedTable) -> None:
    names, _ = replace_partitions(lake, table, ("2012-12",), {})
    assert names == {"2013": table.manifests["2013"]}


def test_the_files_of_a_release_are_those_of_its_manifests(
    lake: Lake, table: ReleasedTable
) -> None:
    made = release(table, "first")
    listed = [manifest for manifest, _ in manifests_of(lake, made)]
    assert [place.key for place in listed] == [
        f"{PATH}/_manifests/{name}.json" for name in table.manifests.values()
    ]
    keys = {place.key for place in all_files(lake, made)}
    assert keys == {
        *(place.key for place in listed),
        *(f"{PATH}/{name}.parquet" for name in MONTHS),
        "dataflows/delays/v1/files/report/x.html",
    }
    assert {place.key for place in own_files(lake, made)} == keys


def test_own_files_are_those_of_the_runs_interval(lake: Lake, table: ReleasedTable) -> None:
    january = Interval(date(2013, 1, 1), date(2013, 2, 1))
    new = {"2013-01": part("new", "second")}
    names, _ = replace_partitions(lake, table, ("2013-01",), new)
    after = ReleasedTable(PATH, 1, 6, {}, names, table.partitioning)
    assert {place.key for place in own_files(lake, release(after, "second", january))} == {
        f"{PATH}/_manifests/{names['2013']}.json",
        f"{PATH}/new.parquet",
        "dataflows/delays/v1/files/report/x.html",
    }


def test_a_manifest_whose_answer_was_lost_is_named(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written_twice(place: Location, document: object) -> None:
        write_once(place, document)
        write_once(place, document)

    write_once = manifests.write_once
    monkeypatch.setattr(manifests, "write_once", written_twice)
    names = write_manifests(lake, PATH, {"": part("x")})
    assert partitions_of(lake, ReleasedTable(PATH, 0, 2, {}, names)) == {"": part("x")}


def test_what_is_not_a_manifest_is_refused(lake: Lake, table: ReleasedTable) -> None:
    place = lake.manifests(PATH) / f"{table.manifests['2012']}.json"
    place.remove()
    place.store.create(place.key, b'{"partitions": {"2012-12": {"run": "x"}}}')
    with pytest.raises(LakeError, match="'files' is missing"):
        partitions_of(lake, table)
