"""Runs for an interval in Airflow's own test mode, with the stand-in runner."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_contracts import Interval
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import read_version
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import DiskStore

pytestmark = pytest.mark.slow

(DAYS,) = COURIER_DAYS.partitioned
QUARTER = Interval(date(2013, 1, 1), date(2013, 4, 1))
FAN_OUT = '\n[dataflows."courier_days.v1"]\nfan_out = true\n'

# Writes the runs that each task gets intermediates of, and computes as the stand-in does.
WATCHED = """
import json, sys
from pathlib import Path
from isthmus_contracts.testing import runner

folder, asked, line = Path(sys.argv[1]), sys.stdin, sys.stdin.readline()
request = json.loads(line)
task = request["identity"]["task"]
parts = [Path(path).parent.name for path in request["intermediates"]]
(folder / f"{task}.intermediates").write_text(" ".join(parts))

class Again:
    read = asked.read
    readline = staticmethod(lambda: line)

sys.stdin = Again
raise SystemExit(runner.main(["--outputs", str(folder / "outputs")]))
"""


class Ended(Protocol):
    """How a run ended, as the fixture says it."""

    states: Mapping[str, str]
    log: str


class Company(Protocol):
    """The company that the fixture gives."""

    folder: Path

    def deploy(self, *command: str, more: str = ...) -> None: ...
    def run(self, dataflow: str = ..., **params: object) -> Ended: ...


@dataclass(frozen=True)
class Months:
    """Prepared months of courier_days, and what readers get of it."""

    company: Company

    def prepare(self, name: str, parcels: int) -> None:
        folder = self.company.folder / "outputs" / "courier_days"
        folder.mkdir(exist_ok=True)
        row = {
            "date": date.fromisoformat(f"{name}-01"),
            "carrier": "UA",
            "carrier_name": None,
            "parcels": parcels,
            "late_share": 0.5,
            "mean_arr_delay": 1.0,
        }
        rows = pa.Table.from_pylist([row], arrow_schema(DAYS))
        path = folder / f"{name}.arrows"
        with path.open("wb") as file, ipc.new_stream(file, rows.schema) as stream:
            stream.write_table(rows)

    def run(self, interval: Interval | None = None) -> Ended:
        fields = {}
        if interval:
            fields = {"interval_start": str(interval.start), "interval_end": str(interval.end)}
        return self.company.run("courier_days", **fields)

    @property
    def parcels(self) -> dict[str, int]:
        lake = Lake(DiskStore(self.company.folder / "lake"))
        release = releases.current(lake, COURIER_DAYS.identity)
        assert release is not None
        table = release.tables["courier_days"]
        rows = read_version(lake.path(table.path), table.version).to_pyarrow_table().to_pylist()
        return {f"{row['date']:%Y-%m}": row["parcels"] for row in rows}


@pytest.fixture
def months(company: Company) -> Months:
    found = Months(company)
    assert set(company.run().states.values()) == {"success"}
    for number in (1, 2, 3):
        found.prepare(f"2013-{number:02}", number)
    return found


def test_a_run_for_an_interval_replaces_its_partitions(months: Months) -> None:
    assert set(months.run().states.values()) == {"success"}
    assert months.parcels == {"2013-01": 1, "2013-02": 2, "2013-03": 3}
    months.prepare("2013-01", 66)
    months.prepare("2013-02", 77)
    ended = months.run(Interval(date(2013, 2, 1), date(2013, 3, 1)))
    assert set(ended.states.values()) == {"success"}, ended.log
    assert "the run is for 2013-02-01 to before 2013-03-01" in ended.log
    assert months.parcels == {"2013-01": 1, "2013-02": 77, "2013-03": 3}


def test_partitions_can_be_computed_by_tasks_of_their_own(months: Months) -> None:
    months.company.deploy(more=FAN_OUT)
    ended = months.run(QUARTER)
    assert set(ended.states.values()) == {"success"}, ended.log
    assert months.parcels == {"2013-01": 1, "2013-02": 2, "2013-03": 3}
    records = months.company.folder.glob(
        "runs/records/courier_days.v1/runs/*/transform*.events.jsonl"
    )
    assert sorted(record.name for record in records) == [
        f"transform[{number}].1.events.jsonl" for number in (0, 1, 2)
    ]
    months.prepare("2013-03", 9)
    ended = months.run(Interval(date(2013, 3, 1), date(2013, 4, 1)))  # one task is no list
    assert set(ended.states.values()) == {"success"}, ended.log
    assert months.parcels["2013-03"] == 9
    ended = months.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    assert months.parcels == {"2013-01": 1, "2013-02": 2, "2013-03": 9}


def test_each_part_goes_on_from_its_own_stages(months: Months) -> None:
    script = months.company.folder / "watched.py"
    script.write_text(WATCHED)
    stages = f'{FAN_OUT}stages = ["courier_days"]\n'
    months.company.deploy(sys.executable, str(script), str(months.company.folder), more=stages)
    ended = months.run(QUARTER)
    assert set(ended.states.values()) == {"success"}, ended.log
    assert months.parcels == {"2013-01": 1, "2013-02": 2, "2013-03": 3}
    files = months.company.folder.glob("transform[[]*.intermediates")
    bounds = [f"2013-{month:02}-01" for month in range(1, 5)]
    parts = [f"{start}_{end}" for start, end in pairwise(bounds)]
    assert [file.read_text() for file in sorted(files)] == parts
    lake = months.company.folder / "lake"
    assert not [path for path in lake.rglob("checkpoints/**/*") if path.is_file()]


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("2013-01-15", "2013-02-01", "cuts the month 2013-01"),
        ("2013-01-01", None, "interval_end"),
        ("2013-02-01", "2013-01-01", "has no day"),
    ],
)
def test_an_interval_that_is_none_is_refused_before_anything_is_read(
    months: Months, start: str, end: str | None, problem: str
) -> None:
    fields = {"interval_start": start} | ({"interval_end": end} if end else {})
    ended = months.company.run("courier_days", **fields)
    assert ended.states["ingest"] == "failed"
    assert problem in ended.log
    assert ended.states["publish"] != "success"


def test_a_fan_out_that_airflow_would_refuse_is_refused_before_anything_is_read(
    company: Company,
) -> None:
    company.deploy(more=FAN_OUT)
    fields = {"interval_start": "1900-01-01", "interval_end": "1986-01-01"}  # 1,032 months
    ended = company.run("courier_days", **fields)
    assert ended.states["ingest"] == "failed"
    assert "fan_out makes a task for each of 1,032 partitions" in ended.log
    assert "Airflow allows 1,024" in ended.log
    assert not (company.folder / "lake" / "sources").exists()
