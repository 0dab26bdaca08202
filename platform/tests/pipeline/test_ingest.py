"""What a run pins, without Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts import Deprecation, Interval, ParamError, UnknownNameError
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import EndOfLifeError, SourceError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.layout import Lake
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


def test_after_its_last_day_a_dataflow_ingests_nothing(site: Site) -> None:
    ended = Deprecation(date(2020, 2, 29), "totals.v2")
    contract = replace(site.dataflow.contract, deprecation=ended)
    with pytest.raises(EndOfLifeError, match="2020-02-29"):
        ingest(replace(site.dataflow, contract=contract), site.lake, site.run)
