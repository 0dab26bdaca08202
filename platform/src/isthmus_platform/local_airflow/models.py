"""The values that the client returns, and how they are read from Airflow's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Dag:
    """Describe a DAG; `title` is its name in the list."""

    id: str
    title: str
    paused: bool
    broken: bool
    file_token: str


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Hold why a DAG file could not be imported."""

    file: str
    trace: str


@dataclass(frozen=True, slots=True)
class Run:
    """Describe a run; `triggered_by` is `asset`, `rest_api`, `timetable`, …."""

    dag: str
    id: str
    state: str
    triggered_by: str | None
    queued: datetime | None
    start: datetime | None
    end: datetime | None

    @property
    def finished(self) -> bool:
        """Say whether the run has ended, with success or not."""
        return self.state in {"success", "failed"}


@dataclass(frozen=True, slots=True)
class Task:
    """Describe a task of a run; the state is None until it is scheduled.

    A mapped task is one of several, with a `map_index` from 0; any other has -1.
    """

    id: str
    state: str | None
    try_number: int
    start: datetime | None
    end: datetime | None
    duration: float | None
    map_index: int = -1
    pool: str | None = None

    @property
    def name(self) -> str:
        """Return the task's id, with the index of a mapped one, as in `transform[3]`."""
        return self.id if self.map_index < 0 else f"{self.id}[{self.map_index}]"


@dataclass(frozen=True, slots=True)
class LogLine:
    """Hold a line of a task's log; `fields` is what was logged with its text."""

    text: str
    level: str | None = None
    logger: str | None = None
    timestamp: datetime | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssetEvent:
    """Hold one event of an asset, and the (DAG, run id) pairs of the runs that it triggered."""

    asset: str
    timestamp: datetime
    triggered: tuple[tuple[str, str], ...]
    extra: Mapping[str, object]


def run_from(page: Mapping[str, Any]) -> Run:
    """Return the run that Airflow describes."""
    return Run(
        dag=page["dag_id"],
        id=page["dag_run_id"],
        state=page["state"],
        triggered_by=page["triggered_by"],
        queued=_moment(page["queued_at"]),
        start=_moment(page["start_date"]),
        end=_moment(page["end_date"]),
    )


def task_from(page: Mapping[str, Any]) -> Task:
    """Return the task that Airflow describes."""
    return Task(
        id=page["task_id"],
        state=page["state"],
        try_number=page["try_number"],
        start=_moment(page["start_date"]),
        end=_moment(page["end_date"]),
        duration=page["duration"],
        map_index=page["map_index"],
        pool=page.get("pool"),
    )


def line_from(record: Mapping[str, Any] | str) -> LogLine:
    """Return the line of a log, which is text alone where a task did not log it."""
    if isinstance(record, str):
        return LogLine(record)
    known = ("event", "level", "logger", "timestamp")
    return LogLine(
        text=record["event"],
        level=record.get("level"),
        logger=record.get("logger"),
        timestamp=_moment(record.get("timestamp")),
        fields={name: value for name, value in record.items() if name not in known},
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
