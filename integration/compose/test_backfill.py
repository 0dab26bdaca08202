"""Airflow's own backfill: twelve months, four at once, in either order and again, make one year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from stack import Stack, current, eventually

from isthmus_contracts.catalog import CARRIER_DAYS
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.lake import releases
from isthmus_platform.local_airflow.client import Run

NAME = str(CARRIER_DAYS.identity)
YEAR = dict(zip(INTERVAL_FIELDS, ("2013-01-01", "2014-01-01"), strict=True))
FIRST, LAST = "2013-01-01T00:00:00Z", "2013-12-01T00:00:00Z"
AT_ONCE = 4

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "platform/src/isthmus_platform/deployment/compose.toml"
PLACE = "/opt/isthmus/platform/isthmus_platform/deployment/compose.toml"
BY_MONTH = f'\n[dataflows."{NAME}"]\nschedule = "0 0 1 * *"\n'


@pytest.fixture
def monthly(published: Stack, tmp_path: Path) -> Iterator[Stack]:
    """Give carrier_days a schedule until the test ends; backfills need one with intervals."""
    deploy(published, DEPLOYMENT.read_text() + BY_MONTH, tmp_path / "monthly.toml")
    # Its schedule starts a run for last month at once, which has no flights.
    eventually(lambda: bool(runs(published, "timetable")))
    (last_month,) = runs(published, "timetable")
    published.published_by(CARRIER_DAYS, last_month.id)
    yield published
    eventually(lambda: all(run.finished for run in published.client.runs(NAME)))
    deploy(published, DEPLOYMENT.read_text(), tmp_path / "usual.toml")


def deploy(stack: Stack, text: str, file: Path) -> None:
    """Put a deployment file where Airflow's DAG file and tasks read theirs."""
    before = stack.client.versions(NAME)
    file.write_text(text)
    for service in ("dag-processor", "worker-ingest", "worker-transform"):
        stack.compose("cp", str(file), f"{service}:{PLACE}")

    def is_there() -> bool:
        (dag,) = [dag for dag in stack.client.dags() if dag.id == NAME]
        stack.client.reparse(dag)
        return stack.client.versions(NAME) != before

    eventually(is_there)


def backfill(stack: Stack, **options: object) -> list[Run]:
    """Backfill the twelve months; return their runs in order of the month, all published."""
    body = {"dag_id": NAME, "from_date": FIRST, "to_date": LAST, "max_active_runs": AT_ONCE}
    number = stack.client.request("POST", "/backfills", body | options)["id"]
    found = sorted(runs(stack, "backfill"), key=lambda run: run.id)
    assert len(found) == 12
    for run in found:
        stack.published_by(CARRIER_DAYS, run.id)
    # Airflow looks for finished backfills now and then, and starts none while another is not.
    eventually(lambda: bool(stack.client.request("GET", f"/backfills/{number}")["completed_at"]))
    return found


def runs(stack: Stack, triggered_by: str) -> list[Run]:
    """Return the runs of carrier_days that something has started."""
    return [run for run in stack.client.runs(NAME) if run.triggered_by == triggered_by]


def spans(stack: Stack, found: list[Run]) -> list[tuple[datetime, datetime]]:
    """Return when the first task of each run started and the last one ended."""
    tasks = [stack.client.tasks(NAME, run.id) for run in found]
    return [
        (
            min(task.start for task in of_a_run if task.start),
            max(task.end for task in of_a_run if task.end),
        )
        for of_a_run in tasks
    ]


def most_at_once(found: list[tuple[datetime, datetime]]) -> int:
    """Return how many of the spans overlap at most."""
    return max(sum(start <= moment < end for start, end in found) for moment, _ in found)


def origins(stack: Stack) -> dict[str, str]:
    """Return the run that each published month came from."""
    release = releases.current(stack.lake, CARRIER_DAYS.identity)
    assert release is not None
    partitions = releases.partitions_of(stack.lake, release.tables["carrier_days"])
    return {name: partition.run for name, partition in partitions.items()}


def moves(stack: Stack) -> list[str]:
    """Return the id of each published release."""
    return [release.id for release, _ in releases.releases(stack.lake, CARRIER_DAYS.identity)]


def forget(stack: Stack) -> None:
    """Remove everything that carrier_days has published, as if it had never run."""
    identity = CARRIER_DAYS.identity
    for file in stack.lake.store.walk(f"dataflows/{identity.name}/v{identity.major}"):
        stack.lake.store.remove(file.key)
    assert releases.current(stack.lake, identity) is None


def test_twelve_months_are_one_year(monthly: Stack) -> None:
    year = monthly.published_by(CARRIER_DAYS, monthly.client.trigger(NAME, YEAR))
    assert len(set(origins(monthly).values())) == 1

    found = backfill(monthly)
    of_each_month = origins(monthly)
    assert list(of_each_month.values()) == [run.id for run in found]
    assert current(monthly.lake, CARRIER_DAYS) == year
    forwards = spans(monthly, found)
    assert 1 < most_at_once(forwards) <= AT_ONCE
    assert forwards.index(min(forwards)) < AT_ONCE

    # Backfilled again, each run makes the same: nothing is published.
    before = moves(monthly)
    backfill(monthly, reprocess_behavior="completed")
    assert min(spans(monthly, found))[0] > max(end for _, end in forwards)
    assert moves(monthly) == before
    assert current(monthly.lake, CARRIER_DAYS) == year

    # Backwards, and from nothing.
    forget(monthly)
    backfill(monthly, reprocess_behavior="completed", run_backwards=True)
    backwards = spans(monthly, found)
    assert 1 < most_at_once(backwards) <= AT_ONCE
    assert backwards.index(min(backwards)) >= 12 - AT_ONCE
    assert origins(monthly) == of_each_month
    assert len(moves(monthly)) == 12
    assert current(monthly.lake, CARRIER_DAYS) == year
