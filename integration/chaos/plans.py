"""What is to happen in one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .orders import Trap

STORES = "home/checkpoints"
"""Where the checkpoints of all dataflows lie in a case's folder: in the runner's home."""

Victim = Literal["task", "runner", "supervisor", "everything", "task_supervisor", "stop"]
Beside = Literal[
    "roll back",
    "roll back further",
    "garbage-collection",
    "clean everything",
    "supersede",
    "publish twice",
    "another run",
]
Later = Literal[
    "clear",
    "publish again",
    "roll back",
    "garbage-collection",
    "kill a clean",
    "kill a roll back",
    "another month",
    "an empty month",
]


@dataclass(frozen=True, slots=True)
class Blow:
    """Strike from outside: some time after an attempt began or the runner said something.

    A supervisor that is killed leaves its task running, and Airflow starts the next attempt; a task
    that a trap holds is let go so much later. `stop` is what Airflow does to a task that is to end:
    SIGTERM, and SIGKILL after five seconds.
    """

    victim: Victim
    seconds: float
    event: str = ""
    count: int = 0

    def __str__(self) -> str:
        verb = "stop the task" if self.victim == "stop" else f"kill {self.victim}"
        since = f" after {self.event} {self.count}" if self.event else ""
        return f"{verb} {self.seconds:.2f} s{since or ' on'}"


@dataclass(frozen=True, slots=True)
class Full:
    """Leave a disk so many kilobytes, that of `lake`, `runs` or `STORES`."""

    disk: str
    kilobytes: int

    def __str__(self) -> str:
        return f"{self.disk}: disk full after {self.kilobytes} KB"


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what happens in one case; `start` is its first task, those before have been executed.

    `main` is the run that is disturbed. `other` runs beside it, or `between` its failure and its
    next attempt. With `kept`, runs keep checkpoints, and from the start there are those of others,
    or also those that `main` needs; one of these is `spoiled`, at once or before the next attempt.
    The `runner_trap` is in the store of the first attempt's runner.
    """

    seed: int
    kind: str
    dataflow: str
    start: str
    task: str
    trap: Trap | None = None
    again: Trap | None = None
    blow: Blow | None = None
    kept: Literal["", "others", "own"] = ""
    runner_trap: Trap | None = None
    spoiled: Literal["", "truncate", "flip", "foreign"] = ""
    lie: str = ""
    full: Full | None = None
    closed: str = ""
    truncated: bool = False
    clocks: Mapping[str, float] = field(default_factory=dict)
    beside: Beside | None = None
    second_after: float | None = None
    between: bool = False
    main: str = "main"
    other: str = "other"
    later: tuple[Later, ...] = ()
    later_trap: Trap | None = None

    @property
    def shuts_store(self) -> bool:
        """Say whether no checkpoint may find room, or be written."""
        disk = self.full.disk if self.full else ""
        return STORES in (disk, self.closed.rpartition("/")[0])

    @property
    def spares_run(self) -> bool:
        """Say whether nothing befalls the first attempt but that its checkpoints are of no use."""
        harmless = self.shuts_store or (self.spoiled and self.kept == "own")
        return bool(harmless) and not (self.trap or self.blow or self.runner_trap)

    def __str__(self) -> str:
        parts = [str(each) for each in (self.trap, self.runner_trap, self.blow, self.full) if each]
        parts += [f"checkpoints: {self.kept}"] if self.kept else []
        parts += [f"{self.spoiled} a checkpoint"] if self.spoiled else []
        parts += [f"the runner lies: {self.lie}"] if self.lie else []
        parts += [f"{self.closed} is read-only"] if self.closed else []
        parts += ["truncate an accepted file"] if self.truncated else []
        parts += [f"{task}'s clock {hours:+.0f} h" for task, hours in self.clocks.items()]
        parts += [f"{self.beside} meanwhile"] if self.beside else []
        if self.second_after is not None:
            parts.append(f"second run after {self.second_after:.2f} s")
        parts += ["another run before the next attempt"] if self.between else []
        parts += [f"at the next attempt {self.again}"] if self.again else []
        parts += [*self.later, *([str(self.later_trap)] if self.later_trap else [])]
        what = "; ".join(parts)
        runs = self.main
        if "another run" in what or self.second_after is not None:
            runs += f", {self.other}"
        return f"seed {self.seed}  {self.dataflow} ({runs}) from {self.start}  {self.task}: {what}"
