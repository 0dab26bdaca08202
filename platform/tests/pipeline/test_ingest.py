"""What a run pins, without Airflow."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts import (
    DataflowContract,
    Deprecation,
    Interval,
    ParamError,
    Table,
    UnknownNameError,
)
from isthmus_platform.deployment import DeployedDataflow, RunsLocation
from isthmus_platform.errors import EndOfLifeError, SourceError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.pipeline import ingest as ingest_module
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.ingest import ingest


class Logged(Protocol):
    lines: list[str]


class Site(Protocol):
    folder: Path
    dataflow: DeployedDataflow
    lake: Lake
    run: RunContext
    logged: Logged


def test_sources_become_versions_that_the_run_pins(site: Site) -> None:
    run = replace(site.run, params={"factor": 5})
    pins = ingest(site.dataflow, site.lake, run)
    assert pins.params == {"factor": 5}
    pin = pins.inputs["orders"]
    assert (pin.table, pin.version, pin.release) == ("sources/shop/orders", 0, None)
    assert len(list(files_of(site.lake.path(pin.table), pin.version))) == 1
    assert site.logged.lines == [
        "ingested orders: 2 rows as version 0",
        "the run is for everything",
    ]
    document = json.loads(
        (site.folder / "runs/records/totals.v1/runs/manual__1/pins.json").read_text()
    )
    assert document["params"] == {"factor": 5}


def test_each_attempt_ingests_a_version_of_its_own(site: Site) -> None:
    versions = [
        ingest(site.dataflow, site.lake, replace(site.run, attempt=attempt))
        .inputs["orders"]
        .version
        for attempt in (1, 2)
    ]
    assert versions == [0, 1]


def test_the_interval_of_the_run_is_pinned(site: Site) -> None:
    january = Interval(date(2013, 1, 1), date(2013, 2, 1))
    assert ingest(site.dataflow, site.lake, replace(site.run, interval=january)).interval == january


@pytest.mark.parametrize(
    ("params", "error"), [({"factr": 3}, UnknownNameError), ({"factor": "three"}, ParamError)]
)
def test_params_are_refused_before_anything_is_read(
    site: Site, params: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ingest(site.dataflow, site.lake, replace(site.run, params=params))
    assert not (site.folder / "lake").exists()


def test_a_connection_that_cannot_be_opened_is_named(site: Site) -> None:
    with pytest.raises(SourceError, match="'shop': no connection can be opened here"):
        ingest(site.dataflow, site.lake, RunContext("manual__1", "ingest"))


@dataclass(frozen=True)
class Days:
    """Tell the time of a day in the future."""

    days: float

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


def records(site: Site) -> list[str]:
    directory = site.folder / "runs" / "records" / "totals.v1" / "runs"
    return sorted(path.name for path in directory.iterdir())


def test_records_that_are_older_than_keep_days_are_removed(site: Site) -> None:
    deployment = replace(
        site.dataflow.deployment, runs=RunsLocation(str(site.folder / "runs"), keep_days=30)
    )
    dataflow = replace(site.dataflow, deployment=deployment)
    run = replace(site.run, is_active=lambda name: name == "run-1")
    for number in range(3):
        ingest(dataflow, site.lake, replace(run, run=f"run-{number}"))
    ingest(dataflow, replace(site.lake, clock=Days(29.9)), replace(run, run="run-3"))
    assert records(site) == ["run-0", "run-1", "run-2", "run-3"]
    ingest(dataflow, replace(site.lake, clock=Days(30.1)), replace(run, run="run-4"))
    assert "run-1" in records(site)
    assert not {"run-0", "run-2"} & {*records(site)}
    assert any(
        line.startswith("removed ") and line.endswith(" records of old runs")
        for line in site.logged.lines
    )


def test_no_record_is_removed_where_nobody_knows_which_runs_are_active(site: Site) -> None:
    ingest(site.dataflow, site.lake, replace(site.run, run="run-0"))
    ingest(site.dataflow, replace(site.lake, clock=Days(3000)), replace(site.run, run="run-1"))
    assert records(site) == ["run-0", "run-1"]


def test_a_record_that_cannot_be_removed_stops_no_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(path: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    run = replace(site.run, is_active=lambda _: False)
    ingest(site.dataflow, site.lake, replace(run, run="run-0"))
    monkeypatch.setattr(Path, "rename", rename)
    ingest(site.dataflow, replace(site.lake, clock=Days(3000)), replace(run, run="run-1"))
    assert records(site) == ["run-0", "run-1"]
    (line,) = [line for line in site.logged.lines if "stay for now" in line]
    assert line.startswith("old records of runs stay for now: [Errno 13] Permission denied")


def test_after_its_last_day_a_dataflow_ingests_nothing(site: Site) -> None:
    ended = Deprecation(date(2020, 2, 29), "totals.v2")
    contract = replace(site.dataflow.contract, deprecation=ended)
    with pytest.raises(EndOfLifeError, match="2020-02-29"):
        ingest(replace(site.dataflow, contract=contract), site.lake, site.run)


class Chain(Protocol):
    numbers: DataflowContract
    reader: DataflowContract

    def publish(self, lake: Lake, run: str) -> Release: ...


def reading(site: Site, chain: Chain) -> DeployedDataflow:
    """Return the dataflow that reads another, in the deployment of a site."""
    return site.dataflow.deployment.deploy(chain.reader)


def test_the_release_that_triggered_the_run_is_read_also_if_a_newer_one_is_current(
    site: Site, chain: Chain
) -> None:
    old, _ = (chain.publish(site.lake, f"run-{number}") for number in (1, 2))
    run = replace(site.run, triggers={"numbers.v1": old.id})
    assert ingest(reading(site, chain), site.lake, run).inputs["rows"].release == old.id
    assert f"reads rows of release {old.id} of numbers.v1" in site.logged.lines


def test_a_withdrawn_release_is_not_read(site: Site, chain: Chain) -> None:
    old, new = (chain.publish(site.lake, f"run-{number}") for number in (1, 2))
    roll_back(site.lake, chain.numbers.identity, old.id, by="ada")
    run = replace(site.run, triggers={"numbers.v1": new.id})
    assert ingest(reading(site, chain), site.lake, run).inputs["rows"].release == old.id
    warning = site.logged.lines[0]
    assert warning.startswith(
        f"release {new.id} of numbers.v1, which triggered this run, was withdrawn by ada at 2"
    )
    assert warning.endswith("; the run reads the current release instead")


def test_two_inputs_of_one_dataflow_are_of_one_release(
    site: Site, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    (rows,) = chain.numbers.outputs
    assert isinstance(rows, Table)
    numbers = replace(chain.numbers, outputs=(rows, replace(rows, name="more")))
    inputs = (numbers.input("rows"), numbers.input("more"))
    both = site.dataflow.deployment.deploy(replace(chain.reader, inputs=inputs))
    chain.publish(site.lake, "run-1")
    found = releases.current(site.lake, numbers.identity)
    assert found is not None
    tables = dict.fromkeys(("rows", "more"), found.tables["rows"])
    made = (replace(found, id=f"x-{number}", tables=tables) for number in (1, 2))
    monkeypatch.setattr(ingest_module.releases, "current", lambda *_: next(made))
    pins = ingest(both, site.lake, site.run)
    assert pins.inputs["rows"].release == pins.inputs["more"].release == "x-1"
