"""What happens in one case: its plan, the faults of it, and what is sent to a task's process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from integration.faults.crashing_store import OperationFault
from integration.faults.disks import FullDisk
from integration.faults.processes import ProcessFault

TASKS = ("ingest", "transform", "publish")
"""The tasks of every DAG, in their order."""
SUCCESS, FAILED, REFUSED, CONFUSED = 0, 1, 2, 70
"""Exit statuses: success, a failure, a failure that is not retried, an error of chaos."""
PARTITIONED = "carrier_days"
"""A run's id names what it is for: `march` and `march-too` are two runs for March."""
CHECKPOINTS = "home/checkpoints"
"""Where the checkpoints of all dataflows are in a case's folder: in the runner's home."""


@dataclass(frozen=True, slots=True)
class RunInterval:
    """Say what a run is for, the last day excluded: everything, if there are no days.

    It is `mapped` if each month has a task of its own, and a `backfill` if Airflow says the days,
    and not a person.
    """

    days: tuple[str, str] | None = None
    mapped: bool = False
    backfill: bool = False


INTERVALS: Mapping[str, RunInterval] = {
    "february": RunInterval(("2013-02-01", "2013-03-01")),
    "march": RunInterval(("2013-03-01", "2013-04-01")),
    "april": RunInterval(("2013-04-01", "2013-05-01"), backfill=True),
    "spring": RunInterval(("2013-03-01", "2013-06-01"), mapped=True),
    "june": RunInterval(("2013-06-01", "2013-07-01"), backfill=True),
    "autumn": RunInterval(("2013-11-01", "2014-01-01")),
    "december": RunInterval(("2013-12-01", "2014-01-01"), backfill=True),
    "everything": RunInterval(),
}
EMPTY = "december"
"""This month had rows once; what runs read today has none of it."""
MAIN = (*["march"] * 4, *["spring"] * 3, "autumn", EMPTY, "everything")
"""What the run is for that is disturbed, repeated as often as its weight says."""
PAIRS = (
    *(("march", "april"), ("march", "march-too"), ("march", "spring"), ("spring", "march")),
    *(("march", "everything"), ("everything", "march"), ("autumn", "december")),
    *(("december", "everything"), ("spring", "december")),
)
"""Runs that meet: for other months, the same, some of the same, all."""
AFTERWARDS = {"another month": "june-later", "an empty month": "december-later"}
"""What a person may start later, and the run that does it."""
RUNS = tuple(dict.fromkeys((*MAIN, *(run for pair in PAIRS for run in pair), *AFTERWARDS.values())))
"""Every run that a case may have."""


def interval_of(run: str) -> RunInterval:
    """Return what a run is for."""
    return INTERVALS.get(run.partition("-")[0], RunInterval())


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what happens in one case; the tasks before `start` have been executed.

    `main` is the run that is disturbed. `other` runs beside it, or `between` its failure and its
    next attempt. With `checkpoints`, runs save them, and from the start there are those of other
    runs, or also the `own` ones of `main`; one of these is `spoiled`, at once or before the retry.
    """

    kind: str
    dataflow: str
    start: str
    task: str
    seed: int = 0
    fault: OperationFault | None = None
    again: OperationFault | None = None
    strike: ProcessFault | None = None
    checkpoints: Literal["", "others", "own"] = ""
    runner_fault: OperationFault | None = None
    spoiled: Literal["", "truncate", "flip", "foreign"] = ""
    answer_fault: str = ""
    full: FullDisk | None = None
    closed: str = ""
    truncated: bool = False
    clocks: tuple[tuple[str, float], ...] = ()
    beside: str = ""
    second_after: float | None = None
    between: bool = False
    main: str = "main"
    other: str = "other"
    later: tuple[str, ...] = ()
    later_fault: OperationFault | None = None

    @property
    def shuts_checkpoints(self) -> bool:
        """Say whether checkpoints may have no room, or cannot be written."""
        disk = self.full.disk if self.full else ""
        return CHECKPOINTS in (disk, self.closed.rpartition("/")[0])

    @property
    def spares_run(self) -> bool:
        """Say whether the first attempt only cannot use its checkpoints."""
        harmless = self.shuts_checkpoints or (self.spoiled and self.checkpoints == "own")
        return bool(harmless) and not (self.fault or self.strike or self.runner_fault)

    def __str__(self) -> str:
        return f"seed {self.seed}: {_changes(self)}"


def _changes(what: Any) -> str:  # noqa: ANN401 - any dataclass
    """Return what of a dataclass is not as it is by default."""
    values = ((field_.name, getattr(what, field_.name), field_.default) for field_ in fields(what))
    return ", ".join(
        f"{name}: {f'({_changes(value)})' if hasattr(value, '__slots__') else value}"
        for name, value, default in values
        if value != default and name != "seed"
    )


@dataclass(frozen=True)
class TaskSpec:
    """Specify one attempt of a task, or a command of `isthmus-platform` (rollback, gc).

    A task that is mapped has instances, `transform[0]` and so on; `operator` is the task's id.
    Its files: its result, its log, the sign that the fault has acted, the sign to go on.
    """

    folder: Path
    dataflow: str
    run: str
    task: str
    attempt: int
    params: Mapping[str, int] = field(default_factory=dict)
    argument: str = ""
    fault: OperationFault | None = None
    clock_hours: float = 0.0
    obeys_modes: bool = False
    bug: str | None = None
    interval: RunInterval = field(default_factory=RunInterval)

    @property
    def name(self) -> str:
        return f"{self.run}.{self.task}.{self.attempt}"

    @property
    def operator(self) -> str:
        return self.task.partition("[")[0]

    def file(self, kind: Literal["result", "log", "acted", "go-on"]) -> Path:
        return self.folder / "attempts" / f"{self.name}.{kind}"


def xcom(folder: Path, run: str, task: str) -> Path:
    """Return where the value that a successful task returned is stored for later tasks."""
    return folder / "xcom" / f"{run}.{task}.json"
