"""Airflow's context of a task as a `RunContext`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from isthmus_contracts import DataflowContract
from isthmus_platform.errors import SourceError
from isthmus_platform.pipeline.context import Cancellation, Log, RunContext
from isthmus_platform.pipeline.intervals import run_interval, run_params

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from sqlalchemy import Engine

_BY_TIMETABLE = ("scheduled", "backfill")
_ACTIVE = ["queued", "running"]  # a run that waits for a person or a retry is running


def run_context(
    contract: DataflowContract, context: Context, log: Log, cancellation: Cancellation
) -> RunContext:
    """Return what the pipeline needs to know of this attempt; each mapped task is its own.

    Raise `IntervalError` for an interval that the dataflow cannot run for.
    """
    instance = context["ti"]
    index = instance.map_index
    task = instance.task_id if index is None or index < 0 else f"{instance.task_id}[{index}]"
    fields = context["params"]
    return RunContext(
        run=str(context["run_id"]),
        task=task,
        attempt=int(instance.try_number),
        params=run_params(contract, fields),
        interval=run_interval(contract, fields, _data_interval(context)),
        triggers=_triggers(context),
        log=log,
        connect=_connect,
        is_active=lambda run: _is_active(instance, run),
        cancellation=cancellation,
    )


def _data_interval(context: Context) -> tuple[datetime, datetime] | None:
    """Return the data interval of a run that a timetable made."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    by_timetable = context["dag_run"].run_type.value in _BY_TIMETABLE
    return (start, end) if by_timetable and start is not None and end is not None else None


def _triggers(context: Context) -> dict[str, str]:
    """Return the newest release that each triggering asset announced."""
    found = {}
    for asset, events in context["triggering_asset_events"].items():
        announced = [event for event in events if "release" in event.extra]
        if announced:  # an event that a person made by hand names no release
            newest = max(announced, key=lambda event: event.timestamp)
            found[asset.name] = str(newest.extra["release"])
    return found


def _is_active(instance: RuntimeTaskInstanceProtocol, run: str) -> bool:
    """Say whether a run of this DAG is queued or running, or Airflow does not answer."""
    try:
        return instance.get_dr_count(instance.dag_id, run_ids=[run], states=_ACTIVE) > 0
    except AirflowRuntimeError:
        return True


def _connect(name: str) -> Engine:
    """Return an engine for a connection of Airflow's.

    Raise `SourceError` for one that is unknown, or that no installed provider can open. What the
    provider says is not repeated: it may quote the password.
    """
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        problem = (
            f"Airflow has no connection of this name; set AIRFLOW_CONN_{name.upper()}, add it on "
            "Airflow's page, or name another one in the deployment file"
        )
        raise SourceError(name, problem) from None
    try:
        hook = connection.get_hook()  # type: ignore[no-untyped-call]
        engine: Engine = hook.get_sqlalchemy_engine()
    except Exception as error:  # noqa: BLE001 - each provider raises its own
        problem = (
            f"its connection of type {connection.conn_type!r} cannot be opened "
            f"({type(error).__name__}); is the provider for this type installed?"
        )
        raise SourceError(name, problem) from None
    return engine
