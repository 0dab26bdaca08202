"""Reports of a run that has ended: its outputs, its times, or why it failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from isthmus_contracts import DataflowContract
from isthmus_contracts.formatting import printable, printable_lines
from isthmus_contracts.protocol import RunFailure
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.local_airflow import AirflowError, Client
from isthmus_platform.local_airflow.client import LogLine, Run, Task
from isthmus_platform.runs import RunRecord, summarize
from isthmus_platform.terminal.outputs import describe_outputs, display_path

_SHOWN_ERRORS = 6
_SLOWEST_NODES = 3
_AIRFLOW_HEADLINE = "Task failed with exception"


def report_release(release: Release, lake: Lake, console: Console) -> None:
    """Print each output of a release with its rows or size and its location, and the metrics."""
    console.print(f"\n{release.dataflow} published release {release.id}", style="bold")
    for line in describe_outputs(release, lake):  # plain lines: no location is cut off
        console.print(line, soft_wrap=True)


def report_times(run: Run, record: RunRecord, console: Console) -> None:
    """Print where the graph is, how the checks came out, and where the time was spent."""
    console.print(f"graph     {display_path(record.graph_file)}", soft_wrap=True)
    progress = [summarize(attempt.answers()) for attempt in record.attempts()]
    warnings = {
        check: warning for attempt in progress for check, warning in attempt.warnings.items()
    }
    passed = sum(attempt.passed for attempt in progress)
    console.print(f"checks    {passed} passed, {len(warnings)} warned")
    for warning in warnings.values():
        console.print(printable(f"warning   {warning}"), soft_wrap=True)
    functions = sum(attempt.seconds for attempt in progress)
    nodes = sum(attempt.done for attempt in progress)
    if run.start is None or run.end is None:
        return
    whole = (run.end - run.start).total_seconds()
    console.print(
        f"time      {functions:.1f} s in {nodes} functions, "
        f"{max(0.0, whole - functions):.1f} s around them, {whole:.1f} s in all"
    )
    nodes_and_seconds = [node for attempt in progress for node in attempt.slowest]
    slowest = sorted(nodes_and_seconds, key=lambda node: -node[1])[:_SLOWEST_NODES]
    if slowest:
        text = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest)
        console.print(printable(f"slowest   {text}"), soft_wrap=True)


def report_failure(run: Run, record: RunRecord, client: Client, console: Console) -> None:
    """Print which tasks failed, why, and where their logs are; then the run's id."""
    tasks = client.tasks(run.dag, run.id)
    failed = [task for task in tasks if task.state == "failed"]
    for task in failed:
        console.print(f"\n{run.dag} {task.name} failed", style="bold")
        answers = record.attempt(task.name, task.try_number).answers()
        failures = [answer for answer in answers if isinstance(answer, RunFailure)]
        shown = (failures[-1].traceback or "").rstrip() if failures else ""
        if shown:
            console.print(printable_lines(shown), soft_wrap=True)
        _report_log(run, task, client, console, shown)
    if not failed:
        states = ", ".join(f"{task.name} {task.state or 'not started'}" for task in tasks)
        console.print(
            f"\n{run.dag}: the run {run.state}, and no task of it: {states or 'none'}",
            soft_wrap=True,
        )
    console.print(f"run       {run.id} of {run.dag}", soft_wrap=True)


def _report_log(run: Run, task: Task, client: Client, console: Console, shown: str) -> None:
    """Print the errors of a task's log, except for the text that was shown, and its files."""
    try:
        lines, files = client.log_and_files(
            run.dag, run.id, task.id, task.try_number, task.map_index
        )
    except AirflowError as error:
        console.print(f"its log cannot be read: {error}", soft_wrap=True)
        return
    errors = [text for text in dict.fromkeys(_errors(lines)) if text.rstrip() != shown]
    for text in errors[:_SHOWN_ERRORS]:
        console.print(printable_lines(text), soft_wrap=True)
    if not errors and not shown:
        last = lines[-1].text if lines else "nothing"
        console.print(
            printable_lines(f"its log has no error; the last line is: {last}"), soft_wrap=True
        )
    page = f"{client.url}/dags/{run.dag}/runs/{run.id}/tasks/{task.id}"
    for file in files or [page]:
        path = display_path(Path(file)) if file.startswith("/") else file
        console.print(f"log       {path}", soft_wrap=True)


def _errors(lines: Sequence[LogLine]) -> Iterator[str]:
    """Yield the errors that a task has logged, and the exceptions that Airflow has logged of it."""
    logged = [line.text for line in lines if line.level in ("error", "critical")]
    yield from (text for text in logged if text != _AIRFLOW_HEADLINE)
    for line in lines:
        details = line.fields.get("error_detail")
        for detail in details if isinstance(details, list) else ():
            value = str(detail.get("exc_value", ""))
            if value not in logged:  # else an operator has logged it
                yield f"{detail.get('exc_type')}: {value}"


def report_next(dataflow: DataflowContract, console: Console) -> None:
    """Print the commands to try after this dataflow has run."""
    name = dataflow.name
    console.print("\nnext")
    for command, meaning in (
        ("make up", "Airflow's page: http://localhost:8080; it prints the login"),
        (f"platform/.venv/bin/isthmus-platform releases {name}", "what was published"),
        (
            f"platform/.venv/bin/isthmus-platform export-inputs {name} out/inputs",
            "the run's inputs, for a data scientist",
        ),
        (
            f"transforms/.venv/bin/isthmus run {name} --inputs out/inputs",
            "the same tables without Airflow",
        ),
    ):
        console.print(f"  {command}\n      {meaning}", soft_wrap=True)
