"""What the pipeline gets of Airflow's context."""

from __future__ import annotations

from datetime import date, timedelta
from logging import getLogger
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, BaseHook, Connection, timezone
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from isthmus_contracts import DataflowContract, Interval, IntervalError
from isthmus_contracts.protocol import RunIdentity
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.errors import SourceError
from isthmus_platform.operators.context import run_context
from isthmus_platform.pipeline.context import Cancellation, RunContext

JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
FIELDS = {"interval_start": "2013-01-01", "interval_end": "2013-02-01"}
START = timezone.datetime(2013, 1, 1)  # of the type that Airflow gives


def airflow_context(kind: str = "manual", days: int | None = None, **changes: object) -> Any:  # noqa: ANN401 - a stand-in of Airflow's context
    """Return what an operator reads of Airflow's context."""
    instance = SimpleNamespace(task_id="transform", map_index=-1, try_number=2)
    context = {
        "ti": instance,
        "run_id": "manual__1",
        "params": {},
        "dag_run": SimpleNamespace(run_type=DagRunType(kind)),
        "data_interval_start": None if days is None else START,
        "data_interval_end": None if days is None else START + timedelta(days),
        "triggering_asset_events": {},
    }
    return context | changes


def run_of(context: Any, contract: DataflowContract = COURIER_DAYS) -> RunContext:  # noqa: ANN401 - as above
    return run_context(contract, context, getLogger("test"), Cancellation())


def test_an_attempt_is_named_as_airflow_names_it() -> None:
    assert run_of(airflow_context()).identity == RunIdentity("manual__1", "transform", 2)


def test_each_mapped_task_is_a_task_of_its_own() -> None:
    mapped = SimpleNamespace(task_id="transform", map_index=3, try_number=1)
    assert run_of(airflow_context(ti=mapped)).task == "transform[3]"


@pytest.mark.parametrize(("found", "is_active"), [(1, True), (0, False)])
def test_a_run_is_active_if_airflow_counts_it(found: int, *, is_active: bool) -> None:
    asked: list[object] = []

    def get_dr_count(dag: str, *, run_ids: list[str], states: list[str]) -> int:
        asked.append((dag, run_ids, states))
        return found

    instance = SimpleNamespace(
        task_id="ingest", map_index=-1, try_number=1, dag_id="d", get_dr_count=get_dr_count
    )
    assert run_of(airflow_context(ti=instance)).is_active("manual__0") is is_active
    assert asked == [("d", ["manual__0"], ["queued", "running"])]


def test_a_run_may_be_active_if_airflow_does_not_answer() -> None:
    def get_dr_count(*_: object, **__: object) -> int:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))

    instance = SimpleNamespace(
        task_id="ingest", map_index=-1, try_number=1, dag_id="d", get_dr_count=get_dr_count
    )
    assert run_of(airflow_context(ti=instance)).is_active("manual__0")


@pytest.mark.parametrize("kind", ["scheduled", "backfill"])
def test_a_timetable_with_intervals_gives_the_interval(kind: str) -> None:
    assert run_of(airflow_context(kind, 31)).interval == JANUARY


@pytest.mark.parametrize("kind", ["manual", "asset_triggered"])
def test_any_other_run_is_for_everything(kind: str) -> None:
    assert run_of(airflow_context(kind, 31)).interval is None
    assert run_of(airflow_context(kind)).interval is None


@pytest.mark.parametrize(("kind", "days"), [("manual", None), ("scheduled", 59)])
def test_the_interval_that_a_person_asks_for_comes_first(kind: str, days: int | None) -> None:
    assert run_of(airflow_context(kind, days, params=FIELDS)).interval == JANUARY


def test_a_dataflow_without_partitions_has_no_interval() -> None:
    run = run_of(airflow_context("scheduled", 31, params=FIELDS), STATION_DAYS)
    assert (run.interval, run.params) == (None, FIELDS)


def test_an_interval_that_cuts_a_partition_is_refused() -> None:
    with pytest.raises(IntervalError, match="cuts the month 2013-01"):
        run_of(airflow_context("manual", params=FIELDS | {"interval_end": "2013-01-31"}))


@pytest.mark.parametrize("kind", ["scheduled", "backfill"])
def test_a_timetable_that_cuts_a_partition_gives_the_last_whole_one(kind: str) -> None:
    december = Interval(date(2012, 12, 1), date(2013, 1, 1))
    assert run_of(airflow_context(kind, 30)).interval == december


def test_the_newest_announced_release_of_a_triggering_asset_counts() -> None:
    def event(hour: int, **extra: str) -> SimpleNamespace:
        return SimpleNamespace(timestamp=timezone.datetime(2013, 1, 1, hour), extra=extra)

    asset, by_hand = Asset(name="parcel_delays.v1"), Asset(name="other.v1")
    events = {asset: [event(2, release="new"), event(1, release="old"), event(3)]}
    run = run_of(airflow_context(triggering_asset_events=events | {by_hand: [event(1)]}))
    assert run.triggers == {"parcel_delays.v1": "new"}
    assert run.triggering_release(PARCEL_DELAYS.identity) == "new"
    assert run.triggering_release(STATION_DAYS.identity) is None


def test_a_connection_that_airflow_does_not_know_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(_: str) -> Connection:
        raise AirflowNotFoundException("The conn_id `warehouse` isn't defined")

    monkeypatch.setattr(BaseHook, "get_connection", unknown)
    with pytest.raises(SourceError) as refused:
        run_of(airflow_context()).connect("warehouse")
    assert str(refused.value) == (
        "source 'warehouse': Airflow has no connection of this name; set AIRFLOW_CONN_WAREHOUSE, "
        "add it on Airflow's page, or name another one in the deployment file"
    )


@pytest.mark.parametrize("kind", ["no_such_type", "fs"])
def test_a_connection_that_no_provider_opens_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    connection = Connection(conn_id="warehouse", conn_type=kind, password="s3cret")  # noqa: S106
    monkeypatch.setattr(BaseHook, "get_connection", lambda _: connection)
    with pytest.raises(SourceError, match=f"its connection of type '{kind}' cannot be") as refused:
        run_of(airflow_context()).connect("warehouse")
    assert "is the provider for this type installed?" in str(refused.value)
    assert "s3cret" not in str(refused.value)
