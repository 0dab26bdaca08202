"""What is sent to a task's process: which task it executes, and what is to happen in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from isthmus_contracts import ParamValue

from .spans import Span

TASKS = ("ingest", "transform", "publish")
"""The tasks of every DAG, in their order."""

SUCCESS, FAILED, REFUSED, CONFUSED = 0, 1, 2, 70
"""Exit statuses: Airflow's success, a failure, a failure that is not retried, a fault of ours."""


@dataclass(frozen=True, slots=True)
class Trap:
    """Say what happens before or after the n-th call of a function, `module:name`."""

    place: str
    call: int
    moment: Literal["before", "after"]
    deed: Literal["kill", "pause", "truncate", "flip", "tear"] = "kill"
    amount: int = 0

    def __str__(self) -> str:
        module, _, name = self.place.partition(":")
        where = f"{self.moment} {module.rpartition('.')[2]}.{name} #{self.call}"
        return f"{self.deed} {where}"


@dataclass(frozen=True, slots=True)
class Order:
    """Order one attempt of a task, or a command of `isthmus-platform` (rollback, clean).

    A task that is mapped has instances, `transform[0]` and so on.
    """

    folder: str
    dataflow: str
    run: str
    task: str
    number: int
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    argument: str = ""
    trap: Trap | None = None
    clock_hours: float = 0.0
    obeys_modes: bool = False
    bug: str | None = None
    span: Span = field(default_factory=Span)

    @property
    def operator(self) -> str:
        """Return the task's id; that of an instance of a mapped task has no index."""
        return self.task.partition("[")[0]

    @property
    def index(self) -> int:
        """Return the number of an instance of a mapped task, or -1, as Airflow does."""
        return int(self.task.partition("[")[2].rstrip("]") or -1)

    @property
    def name(self) -> str:
        """Return a name for the files of this attempt."""
        return f"{self.run}.{self.task}.{self.number}"

    @property
    def result(self) -> Path:
        """Return where the process leaves what the task returned."""
        return Path(self.folder, "results", f"{self.name}.json")

    @property
    def log(self) -> Path:
        """Return where the process's output goes."""
        return Path(self.folder, "logs", f"{self.name}.log")

    @property
    def sprung(self) -> Path:
        """Return the file that says that the trap was sprung."""
        return Path(self.folder, "signs", f"{self.name}.sprung")

    @property
    def go_on(self) -> Path:
        """Return the file that ends a pause."""
        return Path(self.folder, "signs", f"{self.name}.go-on")


def xcom(folder: Path, run: str, task: str) -> Path:
    """Return where what a successful task returned is kept for the tasks after it."""
    return folder / "xcom" / f"{run}.{task}.json"
