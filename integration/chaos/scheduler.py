"""The part that Airflow plays: it starts tasks in their order, waits for them, and retries."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from integration.faults.crashing_store import OperationFault
from integration.faults.processes import ProcessFault, strike_processes
from integration.fork_server import Child, ForkServer

from .plan import CONFUSED, FAILED, REFUSED, SUCCESS, TASKS, TaskSpec, interval_of, xcom
from .product import work_of
from .task_process import perform

STAGING = "staging"
"""Not an event: a file is in the runner's staging directory."""
Counts = Mapping[str, Mapping[str, int]]
"""The number of operations of each kind in an undisturbed task, by task."""
_ROUND_SECONDS, _LONGEST_SECONDS, _STOP_SECONDS = 0.004, 120.0, 5.0


class ConfusedError(Exception):
    """Report that a case could not be carried out, by an error of chaos itself."""


@dataclass(frozen=True)
class Disturbance:
    """Hold the faults of one attempt; `meanwhile` is done while a fault pauses the process.

    Where the task is mapped, the number `instance` is disturbed, modulo how many there are.
    """

    fault: OperationFault | None = None
    strike: ProcessFault | None = None
    meanwhile: Callable[[], None] | None = None
    instance: int = 0


UNDISTURBED = Disturbance()


@dataclass
class Scheduler:
    """Run the tasks of one dataflow's runs, in one case's folder; several threads may use it."""

    folder: Path
    server: ForkServer
    dataflow: str
    params: Mapping[str, int]
    bug: str | None = None
    counts: Counts = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)
    obeys_modes: bool = False
    claims: list[tuple[str, str]] = field(default_factory=list)
    abandoned: list[tuple[TaskSpec, Child]] = field(default_factory=list)
    struck: bool = False
    failures: int = 0
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(
        self, run: str, first: str = TASKS[0], disturbed: str = "", by: Disturbance = UNDISTURBED
    ) -> tuple[str, int]:
        """Run the tasks from `first` on; return the last one and its status.

        The first attempt of the task `disturbed` is disturbed.
        """
        for task in TASKS[TASKS.index(first) :]:
            status = self.attempt(run, task, by if task == disturbed else UNDISTURBED)
            if status != SUCCESS:
                return task, status
        return TASKS[-1], SUCCESS

    def attempt(self, run: str, task: str, by: Disturbance = UNDISTURBED) -> int:
        """Execute a task, or its instances; return its status as Airflow sees it."""
        if task != "transform" or not interval_of(run).mapped:
            return self.execute(run, task, by)
        parts = len(json.loads(xcom(self.folder, run, "ingest").read_text(encoding="utf-8")))
        names = [f"transform[{number}]" for number in range(parts)]
        stored = {name: xcom(self.folder, run, name) for name in names}
        left = [name for name, path in stored.items() if not path.exists()]
        xcom(self.folder, run, task).unlink(missing_ok=True)
        disturbed = left[by.instance % len(left)]
        with ThreadPoolExecutor(2) as pool:
            ended = pool.map(
                lambda name: self.execute(run, name, by if name == disturbed else UNDISTURBED), left
            )
        failed = [status for status in ended if status != SUCCESS]
        if failed:
            return REFUSED if REFUSED in failed else FAILED
        # The whole task has succeeded; clearing it clears all of its instances.
        returned = [json.loads(path.read_text(encoding="utf-8")) for path in stored.values()]
        for path in stored.values():
            path.unlink()
        xcom(self.folder, run, task).write_text(json.dumps(returned), encoding="utf-8")
        return SUCCESS

    def execute(
        self, run: str, task: str, by: Disturbance, argument: str = "", dataflow: str = ""
    ) -> int:
        """Execute an attempt of a task, or of an instance, or a command; return its status."""
        self.attempts[run, task] += 1
        operator = task.partition("[")[0]
        spec = TaskSpec(
            self.folder,
            dataflow or self.dataflow,
            run,
            task,
            self.attempts[run, task],
            self.params,
            argument,
            by.fault and by.fault.among(self.counts[operator]),
            self.clocks.get(operator, 0.0),
            self.obeys_modes,
            self.bug,
            interval_of(run),
        )
        stored = xcom(self.folder, run, task)
        stored.unlink(missing_ok=True)
        status = self._watch(spec, self.server.start(perform, spec, spec.file("log")), by)
        self.struck = self.struck or spec.file("acted").exists()
        self.failures += status != SUCCESS and operator in TASKS
        if status == CONFUSED:
            raise ConfusedError(f"{spec.name}: {spec.file('log').read_text()[-2000:]}")
        if status == SUCCESS and operator in TASKS:
            returned = json.loads(spec.file("result").read_text(encoding="utf-8"))["returned"]
            stored.write_text(json.dumps(returned), encoding="utf-8")
            if task == TASKS[-1]:
                self.claims.append((run, returned))
        return status

    def command(
        self, verb: str, argument: str, dataflow: str = "", fault: OperationFault | None = None
    ) -> int:
        """Execute a person's command in a process of its own; return its status."""
        return self.execute("person", verb, Disturbance(fault), argument, dataflow)

    def leave_alone(self, seconds: float) -> list[str]:
        """Wait for attempts that nobody supervises; return the names of those that do not end."""
        deadline = time.monotonic() + seconds
        for spec, _ in self.abandoned:
            spec.file("go-on").touch()
        left = [(spec, child.wait(deadline - time.monotonic())) for spec, child in self.abandoned]
        return [spec.name for spec, has_ended in left if not has_ended]

    def _watch(self, spec: TaskSpec, process: Child, by: Disturbance) -> int:
        """Wait until the process ends; strike it, or do something while it is paused."""
        strike = by.strike
        pauses = by.fault is not None and by.fault.action == "pause"
        start, due, is_struck = time.monotonic(), 0.0, False
        while not process.wait(_ROUND_SECONDS):
            now = time.monotonic()
            if now - start > _LONGEST_SECONDS:
                process.kill()
                raise ConfusedError(f"{spec.name} does not end: {spec.file('log')}")
            paused = pauses and spec.file("acted").exists()
            if strike and not due and (paused if pauses else _is_due(spec, strike)):
                due = now if paused else now + strike.seconds
            if strike and due and now >= due and not is_struck:
                is_struck = strike_processes(process.pid, strike)
                if is_struck and strike.victim in ("task_supervisor", "stop"):
                    self.struck = True
                    return self._forget(spec, process, strike)
            if paused and not strike and not spec.file("go-on").exists():
                if by.meanwhile is not None:
                    by.meanwhile()
                spec.file("go-on").touch()
        self.struck = self.struck or (is_struck and process.status != SUCCESS)
        return process.status

    def _forget(self, spec: TaskSpec, process: Child, strike: ProcessFault) -> int:
        """Call an attempt failed, as Airflow does, even if its process still runs."""
        if strike.victim == "stop":
            spec.file("go-on").touch()
            if not process.wait(_STOP_SECONDS):
                process.kill()
                process.wait(_STOP_SECONDS)
        else:
            self.abandoned.append((spec, process))
            threading.Timer(strike.seconds, spec.file("go-on").touch).start()
        return FAILED


def _is_due(spec: TaskSpec, strike: ProcessFault) -> bool:
    """Say whether the event has happened that the strike waits for."""
    if not strike.event:
        return True
    staging, events = work_of(spec)
    if strike.event == STAGING:
        return len(list(staging.rglob("*"))) >= strike.count
    text = events.read_text(encoding="utf-8") if events.exists() else ""
    return text.count(f'"type":"{strike.event}"') >= strike.count
