"""A task's process: it executes a real operator, and exits with 0 for what Airflow calls success.

It knows no scheduler: what other tasks returned it reads from files, where the driver puts it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.bases.operator import BaseOperator, ExecutorSafeguard
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.dags.builder import build_dag
from isthmus_platform.deployment import load_deployment

from . import bugs, lakes, traps
from .orders import CONFUSED, FAILED, REFUSED, SUCCESS, TASKS, Order, xcom
from .spans import Span


@dataclass(frozen=True)
class TaskInstance:
    """Stand in for Airflow's, as far as operators use it."""

    order: Order

    @property
    def task_id(self) -> str:
        """Return the task's id."""
        return self.order.operator

    @property
    def map_index(self) -> int:
        """Return which instance of a mapped task this is, or -1."""
        return self.order.index

    @property
    def try_number(self) -> int:
        """Return which try this is."""
        return self.order.number

    def xcom_pull(self, task_ids: str) -> object:
        """Return what the last successful try of another task returned."""
        path = xcom(Path(self.order.folder), self.order.run, task_ids)
        return json.loads(path.read_text(encoding="utf-8"))


class OutletEvents(dict[Asset, SimpleNamespace]):
    """Collect what a task says of its assets."""

    def __missing__(self, asset: Asset) -> SimpleNamespace:
        """Return an event that is to be filled."""
        return self.setdefault(asset, SimpleNamespace(extra={}))


def perform(order: Order) -> int:
    """Execute the order in this process; return the status that it should exit with."""
    os.environ["ISTHMUS_STATE"] = order.folder
    os.environ["ISTHMUS_DEPLOYMENT"] = str(Path(order.folder, "deployment.toml"))
    # Airflow's own way to send log lines to the supervisor is not under test.
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, force=True)
    try:
        bugs.plant(order.bug)
        traps.shift_clock(order.clock_hours)
        traps.set_trap(order)
        if order.obeys_modes:
            traps.obey_modes()
    except Exception:  # noqa: BLE001 - whatever it is, the case must not count
        traceback.print_exc()
        return CONFUSED
    try:
        returned = _execute(order) if order.operator in TASKS else lakes.command(order)
    except AirflowFailException:
        return REFUSED
    except (AirflowException, Exception):  # noqa: BLE001 - Airflow would call each a failure
        traceback.print_exc()
        return FAILED
    order.result.write_text(json.dumps(returned), encoding="utf-8")
    return SUCCESS


def _execute(order: Order) -> dict[str, object]:
    contract = CATALOG.dataflow(order.dataflow)
    instance = TaskInstance(order)
    settings = replace(load_deployment().settings(contract), fan_out=order.span.mapped)
    task = build_dag(contract, settings).get_task(order.operator)
    if isinstance(task, MappedOperator):
        pins: Any = instance.xcom_pull("ingest")
        task = task.unmap({"pins": pins[order.index]})
    assert isinstance(task, BaseOperator)
    # As Airflow does: the handler only tells the operator, and its supervisor kills 5 s later.
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    ExecutorSafeguard.tracker.set(task)
    events = OutletEvents()
    context: Any = {  # Airflow's type has 30 keys more
        "ti": instance,
        "run_id": order.run,
        "params": {each.name: each.default for each in contract.params} | dict(order.params),
        "outlet_events": events,
        "triggering_asset_events": {},
    }
    _tell(order.span, context)
    returned = task.execute(context)
    return {"returned": returned, "events": [each.extra for each in events.values()]}


def _tell(span: Span, context: dict[str, Any]) -> None:
    """Say in a context which days the run is for, as a person or a backfill says it."""
    kind = "backfill" if span.backfill else "manual"
    context["dag_run"] = SimpleNamespace(run_type=SimpleNamespace(value=kind))
    if span.days is None:
        return
    if not span.backfill:
        context["params"] |= dict(zip(INTERVAL_FIELDS, span.days, strict=True))
        return
    start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in span.days)
    context |= {"data_interval_start": start, "data_interval_end": end}
