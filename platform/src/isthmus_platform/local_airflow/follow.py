"""Follow a run in the terminal until it has ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status

from isthmus_platform.local_airflow import Client, Running
from isthmus_platform.local_airflow.client import Run, Task
from isthmus_platform.local_airflow.waiting import describe_wait
from isthmus_platform.runs import RunRecord, summarize

_POLL_SECONDS = 0.4
_PRINT_SECONDS = 5.0
_WAIT_SECONDS = 5.0
_ENDED = {"success": "done", "failed": "failed", "upstream_failed": "not run", "skipped": "skipped"}


def follow(
    client: Client, installation: Running | None, record: RunRecord, console: Console
) -> Run:
    """Print the end of each task and the progress in between; return the run when it has ended.

    While no task runs, print what the run waits for.

    Raise `InstallationError` if a component of Airflow dies.
    """
    dag, run_id = str(record.dataflow), record.run
    progress = _Progress(console)
    with console.status(f"{dag}: waiting for the scheduler") as status:
        while True:
            run = client.run(dag, run_id)
            tasks = client.tasks(dag, run_id)
            for task in tasks:
                progress.show(task, record, status)
            if run.finished:
                return run
            if any(task.state == "running" for task in tasks):
                progress.active_at = time.monotonic()
            elif time.monotonic() - progress.active_at >= _WAIT_SECONDS:
                progress.show_wait(f"{dag}: {describe_wait(client, run, tasks)}", status)
            if installation is not None:
                installation.check()
            time.sleep(_POLL_SECONDS)


def triggered_runs(
    client: Client, run: Run, expected: int, timeout: float = 30
) -> list[tuple[str, str]]:
    """Return the (DAG, run id) pairs that a run's publication started, once `expected` exist.

    After the timeout, return those that exist by then.
    """
    deadline = time.monotonic() + timeout
    while True:
        events = client.asset_events(run.dag, run.id)
        found = [triggered for event in events for triggered in event.triggered]
        if len(found) >= expected or time.monotonic() > deadline:
            return found
        time.sleep(_POLL_SECONDS)


@dataclass(slots=True)
class _Progress:
    """Print the progress of tasks, each end of an attempt once."""

    console: Console
    ended: set[tuple[str, int]] = field(default_factory=set)
    printed_at: float = 0.0
    printed_line: str = ""
    active_at: float = field(default_factory=time.monotonic)
    wait: str = ""

    def show(self, task: Task, record: RunRecord, status: Status) -> None:
        head = f"{record.dataflow} {task.name}"
        if task.state in _ENDED:
            if (task.name, task.try_number) not in self.ended:
                self.ended.add((task.name, task.try_number))
                self.active_at = time.monotonic()
                seconds = f" in {task.duration:.1f} s" if task.duration is not None else ""
                self.console.print(f"  {head} {_ENDED[task.state]}{seconds}")
        elif task.state is not None:
            count = self._count(task, record)
            status.update(f"{head} {task.state}{count}")
            self._print_now_and_then(f"  {head}{count}" if count else "")

    def show_wait(self, wait: str, status: Status) -> None:
        """Print what the run waits for, once, and look again after a while."""
        self.active_at = time.monotonic()
        status.update(wait)
        if wait != self.wait:
            self.wait = wait
            self.console.print(f"  {wait}", soft_wrap=True)

    def _count(self, task: Task, record: RunRecord) -> str:
        progress = summarize(record.attempt(task.name, task.try_number).answers())
        return f": {progress.done} of {progress.total} nodes" if progress.total else ""

    def _print_now_and_then(self, line: str) -> None:
        """Print the progress every few seconds where a status line cannot be redrawn."""
        recent = time.monotonic() - self.printed_at < _PRINT_SECONDS
        if line and line != self.printed_line and not recent and not self.console.is_terminal:
            self.printed_at, self.printed_line = time.monotonic(), line
            self.console.print(line)
