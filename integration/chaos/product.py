"""All that chaos takes from the product; a name that changes there is changed here."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from isthmus_contracts import ContractError, DataflowContract, Partitioning, Table
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.codec import serialize
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.demo.sample_database import load_sample_database
from isthmus_platform.deployment import load_deployment
from isthmus_platform.errors import UserError
from isthmus_platform.lake import releases
from isthmus_platform.lake.intake import acceptance
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import garbage_collection, pointer
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.ingest import ingest
from isthmus_platform.pipeline.intervals import parts_of, run_interval
from isthmus_platform.pipeline.publish import publish
from isthmus_platform.pipeline.results import read_accepted, read_pins
from isthmus_platform.pipeline.transform import transform
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import DiskStore, Store

from .plan import TaskSpec

__all__ = ["DiskStore", "Partitioning", "load_sample_database"]

RUNNER = "isthmus_transforms.runner"
"""The module of the runner."""
PINS = "*pins.json*"
STAGING = "*/staging"
"""Where a run's pins are written, and where its runner stages, as patterns."""
DEPLOYMENT = """
[lake]
root = "${{ISTHMUS_STATE}}/lake"
[runs]
root = "${{ISTHMUS_STATE}}/runs"
[sources.nyc_flights]
connection = "nyc_operations"
chunk_rows = 100
[runners.default]
command = {command}
home = "${{ISTHMUS_STATE}}/home"
[defaults]
checkpoints = {checkpoints}
"""


def contract_of(dataflow: str) -> DataflowContract:
    """Return the contract of a dataflow."""
    return CATALOG.dataflow(dataflow)


def lake_in(folder: Path, store: Store | None = None, hours: float = 0) -> Lake:
    """Return the lake of a case, where it is some hours later than it is."""
    later = timedelta(hours=hours)
    return Lake(store or DiskStore(folder / "lake"), lambda: datetime.now(UTC) + later)


def work_of(spec: TaskSpec) -> tuple[Path, Path]:
    """Return where an attempt's runner stages, and where its events are recorded."""
    record = RunRecord(spec.folder / "runs", contract_of(spec.dataflow).identity, spec.run)
    attempt = record.attempt(spec.task, spec.attempt)
    return attempt.work / "staging", attempt.events


class RefusedError(Exception):
    """Report a failure of a task that Airflow does not try again."""


def execute(spec: TaskSpec, lake: Lake, pull: Callable[[str], Any]) -> object:
    """Execute a task of a run on this lake; return what it returns to other tasks, as JSON.

    `pull` gives what other tasks returned. Raise `RefusedError`, or whatever the task raises.
    """
    contract, run = CATALOG.dataflow(spec.dataflow), _run_context(spec)
    dataflow = load_deployment().deploy(contract)
    # As Airflow does: the handler only requests, and the task supervisor kills 5 s later.
    signal.signal(signal.SIGTERM, lambda *_: run.cancellation.request())
    try:
        if spec.operator == "ingest":
            pins = ingest(dataflow, lake, run)
            parts = [replace(pins, interval=part) for part in parts_of(contract, pins.interval)]
            return [serialize(part) for part in parts] if spec.interval.mapped else serialize(pins)
        if spec.operator == "transform":
            part = spec.task.partition("[")[2].rstrip("]")
            return serialize(transform(dataflow, lake, run, lambda: _read_pins(pull, part)))
        pins = _read_pins(pull)
        accepted = read_accepted(pull("transform"), pins, lake, contract.identity, run.run)
        return publish(dataflow, lake, run, pins, accepted).release
    except (UserError, ContractError) as error:
        raise RefusedError(str(error)) from error


def _read_pins(pull: Callable[[str], Any], part: str = "") -> Pins:
    plain = pull("ingest")
    return read_pins(plain[int(part)] if part else plain)


def _run_context(spec: TaskSpec) -> RunContext:
    """Say which days the run is for, as a person or a backfill says it."""
    contract, days = CATALOG.dataflow(spec.dataflow), spec.interval.days
    fields = dict(zip(INTERVAL_FIELDS, days or (), strict=False))
    data_interval = None
    if spec.interval.backfill and days is not None:
        start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in days)
        fields, data_interval = {}, (start, end)
    return RunContext(
        spec.run,
        spec.task,
        spec.attempt,
        params={param.name: param.default for param in contract.params} | dict(spec.params),
        interval=run_interval(contract, fields, data_interval),
        log=logging.getLogger("task"),
        connect=lambda name: create_engine(os.environ[f"AIRFLOW_CONN_{name.upper()}"]),
    )


def roll_back(lake: Lake, dataflow: str, release: str) -> None:
    """Make a release current again, as a person does."""
    releases.roll_back(lake, contract_of(dataflow).identity, release, by="chaos")


def collect_garbage(lake: Lake, keep_days: float) -> None:
    """Remove what is older than so many days, as a person does."""
    retention = garbage_collection.retention(keep_days, force=True)
    garbage_collection.collect_garbage(lake, retention, by="chaos")


def move_pointer(spec: TaskSpec, release: str) -> None:
    """Move the pointer to a release, whatever is current."""
    place = lake_in(spec.folder).pointer(contract_of(spec.dataflow).identity)
    pointer.append_move(place, pointer.last_move(place), release, "publish", spec.run)


def written_by(task: str, dataflow: str) -> tuple[str, ...]:
    """Return the directories, relative to a case's folder, that a task writes in."""
    contract, lake = CATALOG.dataflow(dataflow), lake_in(Path())
    names = [output.name for output in contract.outputs if isinstance(output, Table)]
    outputs = [lake.table(contract.identity, name) for name in names]
    if task == "ingest":
        sources = [lake.source(str(declared.source), declared.name) for declared in contract.inputs]
        directories = [*sources, *(source / "_delta_log" for source in sources)]
    elif task == "transform":
        directories = outputs
    else:
        directories = [output / "_delta_log" for output in outputs]
        directories += [lake.manifests(output.key) for output in outputs]
        directories += [lake.releases(contract.identity), lake.pointer(contract.identity)]
    runs = {"ingest": f"records/{contract.identity}/runs", "transform": f"work/{contract.identity}"}
    of_run = ("runs", f"runs/{runs[task]}") if task in runs else ()
    return (*(str(directory.local()) for directory in directories), *of_run)


def skip_checksums() -> None:
    """Plant a bug: acceptance does not compare checksums with those of the result."""
    acceptance._check_digest = lambda *_: None


def warm_up() -> None:
    """Import this module, and with it what tasks use, before the first task is forked."""
