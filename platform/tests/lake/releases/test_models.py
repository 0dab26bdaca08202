from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Identity, Interval, Partitioning, ProtocolError
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin, TableFile
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
    document_of,
    number_of,
)
from isthmus_platform.storage import DiskStore

FILES = (TableFile("a.parquet", 10, 2), TableFile("b.parquet", 20, 3))
TABLE = ReleasedTable(
    "tables/days", 4, 5, {"n": "int64"}, {"2013": "0" * 32}, Partitioning("day", "month")
)
RELEASE = Release(
    *("abc-1", "delays.v2", "2.1.0", "code", "run-1", "0" * 64),
    created_at="2013-01-01T00:00:00+00:00",
    params={"origin": "JFK", "n": 3, "share": 0.5, "all": True},
    inputs={"flights": Pin("sources/nyc/flights", 4), "days": Pin("x", 1, "def")},
    tables={"days": TABLE},
    files={"report": ReleasedFile("files/report/0.html", 8, "1" * 64)},
    metrics={"quality": {"auc": 0.5}},
    warnings=("w",),
    interval=Interval(date(2013, 1, 1), date(2013, 2, 1)),
)


def test_a_partition_has_the_rows_of_its_files() -> None:
    assert ReleasedPartition("run-1", FILES).rows == 5
    assert ReleasedPartition("run-1", ()).rows == 0


@pytest.mark.parametrize(
    ("release_id", "number"),
    [("0123456789ab-17", 17), ("a-99999999", 99_999_999), ("a-100000000", 0)]
    + [(name, 0) for name in ("", "a", "a-", "a-0", "a-01", "-1", "a/b-1", "../a-1", "a-1 ")],
)
def test_the_id_of_a_release_has_the_number_of_its_move(release_id: str, number: int) -> None:
    assert number_of(release_id) == number


def test_the_document_of_a_release_lies_with_those_of_its_publication() -> None:
    place = document_of(Lake(DiskStore(Path("/lake"))), Identity("delays", 2), "0123456789ab-17")
    assert place.key == "dataflows/delays/v2/releases/0123456789ab/17.json"


def test_a_release_is_a_document() -> None:
    plain = json.loads(json.dumps(serialize(RELEASE)))
    assert deserialize(Release, plain) == RELEASE


def test_a_release_need_not_have_warnings_partitions_or_an_interval() -> None:
    plain = serialize(replace(RELEASE, warnings=(), interval=None))
    assert isinstance(plain, dict)
    del plain["warnings"], plain["interval"], plain["tables"]["days"]["partitioning"]
    found = deserialize(Release, plain)
    assert (found.warnings, found.interval) == ((), None)
    assert found.tables["days"].partitioning is None


@pytest.mark.parametrize(
    "change", [{"tables": {"days": {"path": "x"}}}, {"run": 1}, {"colour": "red"}, {"id": None}]
)
def test_a_document_that_is_not_a_release_is_refused(change: dict[str, object]) -> None:
    plain = serialize(RELEASE)
    assert isinstance(plain, dict)
    with pytest.raises(ProtocolError):
        deserialize(Release, {**plain, **change})
