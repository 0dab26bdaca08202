"""Partitions: twelve months one by one, in any order and several at once, make one year."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest
from conftest import Airflow, eventually

from isthmus_contracts import Partitioning
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import read_version
from isthmus_platform.lake.layout import Lake
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.storage import DiskStore

CARRIER_DAYS = "carrier_days.v1"
YEAR = {"interval_start": "2013-01-01", "interval_end": "2014-01-01"}
BY_MONTH = Partitioning("date", granularity="month")


def part(*lines: str) -> tuple[str, str]:
    """Return a change of deployment that gives carrier_days a part of its own."""
    return ("[defaults]", "\n".join([f'[dataflows."{CARRIER_DAYS}"]', *lines, "", "[defaults]"]))


@pytest.fixture
def deploy(airflow: Airflow, published: Run) -> Iterator[Callable[..., None]]:  # noqa: ARG001 - read
    """Have carrier_days fanned out until the test ends."""

    def change(*changes: tuple[str, str]) -> None:
        airflow.deploy(*changes)
        wanted = bool(changes)
        assert eventually(lambda: is_fanned_out(airflow) is wanted, lambda: reparse(airflow))

    yield lambda *lines: change(part(*lines))
    change()


def is_fanned_out(airflow: Airflow) -> bool:
    """Say whether Airflow knows the DAG as one whose transform task is mapped."""
    tasks = airflow.client.request("GET", f"/dags/{CARRIER_DAYS}/tasks")["tasks"]
    (transform,) = [task for task in tasks if task["task_id"] == "transform"]
    return bool(transform["is_mapped"])


def month_by_month(airflow: Airflow) -> list[Run]:
    """Run the twelve months, in no order and two at once; return their runs.

    They are started one by one: Airflow makes no backfill on SQLite while others write to it, and
    its scheduler may die of one. `compose/test_backfill.py` backfills on PostgreSQL.
    """
    pairs = ((7, 1), (12, 3), (9, 2), (11, 5), (8, 4), (10, 6))
    return [
        run for pair in pairs for run in ended(airflow, [start(airflow, month) for month in pair])
    ]


def start(airflow: Airflow, month: int) -> str:
    """Start the run of a month, and return its id."""
    interval = BY_MONTH.interval(f"2013-{month:02}")
    fields = dict(zip(INTERVAL_FIELDS, (str(interval.start), str(interval.end)), strict=True))
    return airflow.client.trigger(CARRIER_DAYS, fields)


def ended(airflow: Airflow, ids: list[str]) -> list[Run]:
    """Return these runs when all have ended, and expect them to have succeeded."""

    def runs() -> list[Run]:
        return [airflow.client.run(CARRIER_DAYS, run_id) for run_id in ids]

    assert eventually(lambda: all(run.finished for run in runs()), airflow.up.check)
    assert not [complaint for run in runs() for complaint in complaints(airflow, run)]
    return runs()


def reparse(airflow: Airflow) -> None:
    dag = airflow.client.dag(CARRIER_DAYS)
    if dag is not None:
        airflow.client.reparse(dag)


def rows(airflow: Airflow) -> pa.Table:
    """Return what readers get."""
    lake = Lake(DiskStore(airflow.state / "lake"))
    release = releases.current(lake, CATALOG.dataflow(CARRIER_DAYS).identity)
    assert release is not None
    table = release.tables["carrier_days"]
    read = read_version(lake.path(table.path), table.version).to_pyarrow_table()
    return read.sort_by([("date", "ascending"), ("carrier", "ascending")])


def complaints(airflow: Airflow, run: Run) -> list[str]:
    """Return what the failed tasks of a run have logged."""
    return [
        f"{run.id} {task.name}: {airflow.log(run, task.id)[-2000:]}"
        for task in airflow.client.tasks(run.dag, run.id)
        if task.state == "failed"
    ]


def origins(airflow: Airflow) -> dict[str, str]:
    """Return the run that each published month came from."""
    lake = Lake(DiskStore(airflow.state / "lake"))
    release = releases.current(lake, CATALOG.dataflow(CARRIER_DAYS).identity)
    assert release is not None
    partitions = releases.partitions_of(lake, release.tables["carrier_days"])
    return {name: partition.run for name, partition in partitions.items()}


@pytest.mark.usefixtures("published")
def test_twelve_months_are_one_year(airflow: Airflow) -> None:
    whole = airflow.run(CARRIER_DAYS, YEAR)
    assert whole.state == "success", airflow.log(whole, "transform")
    year = rows(airflow)
    assert set(origins(airflow).values()) == {whole.id}
    assert year.num_rows > 1000

    runs = month_by_month(airflow)
    first = origins(airflow)
    assert len(set(first.values())) == 12
    assert rows(airflow).equals(year)

    again = [run.id for run in runs[:2]]
    for run_id in again:
        airflow.client.clear(CARRIER_DAYS, run_id)
    ended(airflow, again)
    assert origins(airflow) == first  # the same runs published the same once more
    assert rows(airflow).equals(year)


def test_partitions_are_computed_by_tasks_of_their_own(
    airflow: Airflow, deploy: Callable[..., None]
) -> None:
    deploy("fan_out = true")
    run = airflow.run(CARRIER_DAYS, YEAR)
    assert run.state == "success", airflow.client.tasks(CARRIER_DAYS, run.id)
    assert "transform[11]" in {task.name for task in airflow.client.tasks(CARRIER_DAYS, run.id)}
    assert set(origins(airflow).values()) == {run.id}
    assert len(origins(airflow)) == 12
