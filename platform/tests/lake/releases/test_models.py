from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from isthmus_contracts import Interval, ProtocolError
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.lake.delta.tables import TableFile
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
)

FILES = (TableFile("a.parquet", 10, 2), TableFile("b.parquet", 20, 3))
TABLE = ReleasedTable("tables/days", 4, 5, {"2013-01": ReleasedPartition("run-1", FILES)})
RELEASE = Release(
    *("abc", "delays.v2", "2.1.0", "code", "run-1", "0" * 64),
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
    assert TABLE.partitions["2013-01"].rows == 5
    assert ReleasedPartition("run-1", ()).rows == 0


def test_a_table_knows_the_rows_of_its_partitions() -> None:
    assert TABLE.rows_of(None) == 5
    assert TABLE.rows_of("2013-01") == 5
    assert TABLE.rows_of("2013-02") is None


def test_a_release_is_a_document() -> None:
    plain = json.loads(json.dumps(serialize(RELEASE)))
    assert deserialize(Release, plain) == RELEASE


def test_a_release_need_not_have_warnings_partitions_or_an_interval() -> None:
    plain = serialize(replace(RELEASE, warnings=(), interval=None))
    assert isinstance(plain, dict)
    del plain["warnings"], plain["interval"], plain["tables"]["days"]["partitions"]
    found = deserialize(Release, plain)
    assert (found.warnings, found.interval, found.tables["days"].partitions) == ((), None, {})


@pytest.mark.parametrize(
    "change", [{"tables": {"days": {"path": "x"}}}, {"run": 1}, {"colour": "red"}, {"id": None}]
)
def test_a_document_that_is_not_a_release_is_refused(change: dict[str, object]) -> None:
    plain = serialize(RELEASE)
    assert isinstance(plain, dict)
    with pytest.raises(ProtocolError):
        deserialize(Release, {**plain, **change})
