"""The part that Airflow plays: it starts tasks in their order, hears how they end, and retries."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from isthmus_contracts import ParamValue
from isthmus_platform.runs import RunRecord

from . import lakes
from .moments import STAGING
from .orders import CONFUSED, FAILED, REFUSED, SUCCESS, TASKS, Order, Trap, xcom
from .plans import Blow
from .spans import span_of
from .zygote import TaskProcess, Zygote

_ROUND_SECONDS = 0.004
_LONGEST_SECONDS = 120
_STOP_SECONDS = 5.0


class ConfusedError(Exception):
    """Report that a case could not be carried out, by a fault of chaos itself."""


@dataclass(frozen=True)
class Disturbance:
    """Hold what befalls one attempt; `meanwhile` is done while its trap holds the process.

    Where the task is mapped, the number `instance` is disturbed, modulo how many there are.
    """

    trap: Trap | None = None
    blow: Blow | None = None
    meanwhile: Callable[[], None] | None = None
    instance: int = 0


@dataclass
class Scheduler:
    """Run the tasks of one dataflow's runs, in one case's folder; several threads may use it."""

    folder: Path
    zygote: Zygote
    dataflow: str
    params: Mapping[str, ParamValue]
    bug: str | None = None
    clocks: dict[str, float] = field(default_factory=dict)
    obeys_modes: bool = False
    claims: list[tuple[str, str]] = field(default_factory=list)
    abandoned: list[TaskProcess] = field(default_factory=list)
    struck: bool = False
    failures: int = 0
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(
        self,
        run: str,
        first: str = TASKS[0],
        *,
        retries: int = 0,
        disturbed: str = "",
        by: Disturbance | None = None,
    ) -> tuple[str, int]:
        """Run the tasks from `first` on; return the last one and its status.

        The first attempt of the task `disturbed` is disturbed.
        """
        for task in TASKS[TASKS.index(first) :]:
            blow = by if task == disturbed else None
            status = self.attempt(run, task, blow or Disturbance())
            for _ in range(retries):
                if status == FAILED or status < 0:
                    status = self.attempt(run, task)
            if status != SUCCESS:
                return task, status
        return TASKS[-1], SUCCESS

    def attempt(self, run: str, task: str, by: Disturbance | None = None) -> int:
        """Execute one attempt of a task, or of its instances; return its status as Airflow sees it."""  # noqa: E501
        by = by or Disturbance()
        if task == "transform" and span_of(run).mapped:
            return self._attempt_instances(run, by)
        return self._attempt(run, task, by)

    def _attempt_instances(self, run: str, by: Disturbance) -> int:
        """Execute an attempt of each instance of the transform that has not yet succeeded."""
        parts = len(json.loads(xcom(self.folder, run, "ingest").read_text(encoding="utf-8")))
        tasks = [f"transform[{index}]" for index in range(parts)]
        left = [each for each in tasks if not xcom(self.folder, run, each).exists()]
        xcom(self.folder, run, "transform").unlink(missing_ok=True)
        disturbed = left[by.instance % len(left)]
        with ThreadPoolExecutor(2) as pool:
            ended = pool.map(
                lambda each: self._attempt(run, each, by if each == disturbed else Disturbance()),
                left,
            )
        failed = [each for each in ended if each != SUCCESS]
        if failed:
            return REFUSED if REFUSED in failed else FAILED
        # From now on the whole task has succeeded; who clears it, clears all of its instances.
        returned = []
        for each in tasks:
            kept = xcom(self.folder, run, each)
            returned.append(json.loads(kept.read_text(encoding="utf-8")))
            kept.unlink()
        xcom(self.folder, run, "transform").write_text(json.dumps(returned), encoding="utf-8")
        return SUCCESS

    def _attempt(self, run: str, task: str, by: Disturbance, more: str = "") -> int:
        self.attempts[run, task] += 1
        order = Order(
            str(self.folder),
            self.dataflow,
            run,
            task,
            self.attempts[run, task],
            self.params,
            more,
            by.trap,
            self.clocks.get(task, 0.0),
            self.obeys_modes,
            self.bug,
            span_of(run),
        )
        kept = xcom(self.folder, run, task)
        kept.unlink(missing_ok=True)
        process = self.zygote.start(order)
        status = self._watch(process, by)
        self.struck = self.struck or order.sprung.exists()
        self.failures += status != SUCCESS
        if status == CONFUSED:
            raise ConfusedError(f"{order.name}: {order.log.read_text()[-2000:]}")
        if status == SUCCESS:
            said = json.loads(order.result.read_text(encoding="utf-8"))
            if order.operator in TASKS:
                kept.write_text(json.dumps(said["returned"]), encoding="utf-8")
            if task == TASKS[-1]:
                self.claims.append((run, said["returned"]))
        return status

    def command(
        self, verb: str, argument: str, dataflow: str | None = None, trap: Trap | None = None
    ) -> int:
        """Have a person's command executed in a process of its own; return its status."""
        other = Scheduler(
            self.folder,
            self.zygote,
            dataflow or self.dataflow,
            {},
            self.bug,
            self.clocks,
            attempts=self.attempts,
        )
        return other._attempt("person", verb, Disturbance(trap), argument)

    def leave_alone(self, seconds: float) -> list[TaskProcess]:
        """Wait for attempts that nobody supervises; return those that do not end."""
        deadline = time.monotonic() + seconds
        for each in self.abandoned:
            each.order.go_on.touch()
        return [
            each for each in self.abandoned if not each.wait(max(0, deadline - time.monotonic()))
        ]

    def _watch(self, process: TaskProcess, by: Disturbance) -> int:
        start, due, fallen, resumed = time.monotonic(), None, False, False
        while not process.wait(_ROUND_SECONDS):
            now = time.monotonic()
            if now - start > _LONGEST_SECONDS:
                process.kill()
                raise ConfusedError(f"{process.order.name} does not end: {process.order.log}")
            held = by.trap is not None and by.trap.deed == "pause"
            sprung = held and process.order.sprung.exists()
            if (
                by.blow
                and due is None
                and (sprung if held else self._is_said(process.order, by.blow))
            ):
                due = now if held else now + by.blow.seconds
            if by.blow and due is not None and now >= due and not fallen:
                fallen = _strike(process, by.blow)
                if fallen and by.blow.victim in ("supervisor", "stop"):
                    self.struck = True
                    return self._forget(process, by.blow)
            if sprung and by.blow is None and not resumed:
                if by.meanwhile is not None:
                    by.meanwhile()
                process.order.go_on.touch()
                resumed = True
        self.struck = self.struck or (fallen and process.status != SUCCESS)
        return process.status

    def _forget(self, process: TaskProcess, blow: Blow) -> int:
        """Give an attempt up, whatever it still does: Airflow calls it failed."""
        if blow.victim == "stop":
            process.order.go_on.touch()
            if not process.wait(_STOP_SECONDS):
                process.kill()
                process.wait(_STOP_SECONDS)
        else:
            self.abandoned.append(process)
            threading.Timer(blow.seconds, process.order.go_on.touch).start()
        return FAILED

    def _is_said(self, order: Order, blow: Blow) -> bool:
        """Say whether the runner has said what the blow waits for."""
        if not blow.event:
            return True
        identity = lakes.identity_of(self.dataflow)
        record = RunRecord(self.folder / "runs", identity, order.run)
        if blow.event == STAGING:
            staging = record.directory / f"{order.task}.{order.number}.work" / "staging"
            return len(list(staging.rglob("*"))) >= blow.count
        try:
            said = record.attempt(order.task, order.number).events.read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        return said.count(f'"type":"{blow.event}"') >= blow.count


def _strike(process: TaskProcess, blow: Blow) -> bool:
    """Strike, unless the victim is not there yet or any more."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        guards = [each for each in below if any("supervisor.py" in word for word in each.cmdline())]
        runners = [each for each in below if each not in guards]
    except psutil.Error:
        return False
    if blow.victim == "supervisor":
        return True
    if blow.victim == "stop":
        process.kill(signal.SIGTERM)
        return True
    victims = {"task": [], "runner": runners, "supervisor": guards, "everything": below}[
        blow.victim
    ]
    if blow.victim in ("runner", "supervisor") and not victims:
        return False
    if blow.victim in ("task", "everything"):
        process.kill()
    for each in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    return True
