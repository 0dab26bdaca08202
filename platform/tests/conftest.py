from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import isthmus_platform
from isthmus_contracts import Column, Table
from isthmus_contracts.catalog import AIRPORT_DAYS, FLIGHT_DELAYS
from isthmus_platform.lake import publishing, releases, tables
from isthmus_platform.lake.acceptance import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.schemas import arrow_schema

# Airflow reads its settings when it is imported, which happens when tests are collected.
_HOME = tempfile.TemporaryDirectory(prefix="airflow-")
FEATURES, DAYS = FLIGHT_DELAYS.output("flight_features"), AIRPORT_DAYS.output("days")
_DAGS = Path(isthmus_platform.__file__).parent / "dags"
os.environ |= {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """Return Airflow's home, which is gone afterwards."""
    yield Path(_HOME.name)
    _HOME.cleanup()


@pytest.fixture
def publish() -> Callable[[Lake, str], releases.Release]:
    """Publish a release of airport_days that was made from two feature rows."""
    return _publish


def _value(column: Column) -> object:
    return (
        column.choices[0] if column.choices else {"string": "x", "bool": True}.get(column.type, 1)
    )


def _publish(lake: Lake, run: str) -> releases.Release:
    assert isinstance(FEATURES, Table)
    assert isinstance(DAYS, Table)
    features = lake.table(FLIGHT_DELAYS.identity, "flight_features")
    rows = [
        {each.name: _value(each) for each in FEATURES.columns} | {"flight": number}
        for number in (1, 2)
    ]
    batches = pa.Table.from_pylist(rows, arrow_schema(FEATURES)).to_batches()
    files = tables.write_table(features, FEATURES, batches)
    version = tables.commit(features, FEATURES, files, run)
    days = lake.table(AIRPORT_DAYS.identity, "days")
    row = {each.name: _value(each) for each in DAYS.columns}
    (file,) = tables.write_table(
        days, DAYS, pa.Table.from_pylist([row], arrow_schema(DAYS)).to_batches()
    )
    picture = lake.files(AIRPORT_DAYS.identity, "delay_calendar") / f"{run}.png"
    lake.store.create(picture.key, b"picture")
    accepted = Accepted(
        "airport_days.v1",
        "1.0.0",
        "code",
        run,
        (
            AcceptedOutput(
                "days",
                (AcceptedFile((days / file.name).key, file.bytes, "0" * 64, file.rows),),
            ),
            AcceptedOutput("delay_calendar", (AcceptedFile(picture.key, 7, "1" * 64),)),
        ),
    )
    pins = {"flight_features": Pin(features.key, version)}
    return publishing.publish(lake, AIRPORT_DAYS, accepted, params={}, inputs=pins)
