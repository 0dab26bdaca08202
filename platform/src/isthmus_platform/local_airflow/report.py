"""Reports of a run that has ended: its outputs, its times, or why it failed."""

from __future__ import annotations

from rich.console import Console

from isthmus_contracts import DataflowContract
from isthmus_contracts.formatting import printable, printable_lines
from isthmus_contracts.protocol import RunFailure
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.local_airflow import Client
from isthmus_platform.local_airflow.client import Run
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
    """Print which tasks failed, and the errors of their runner and their log."""
    for task in client.tasks(run.dag, run.id):
        if task.state != "failed":
            continue
        console.print(f"\n{run.dag} {task.name} failed", style="bold")
        traceback = ""
        failures = [
            answer
            for answer in record.attempt(task.name, task.try_number).answers()
            if isinstance(answer, RunFailure)
        ]
        if failures and failures[-1].traceback:
            traceback = failures[-1].traceback.rstrip()
            console.print(printable_lines(traceback), soft_wrap=True)
        lines = client.log(run.dag, run.id, task.id, task.try_number, task.map_index)
        errors = dict.fromkeys(line.text for line in lines if line.level in ("error", "critical"))
        shown = (traceback, _AIRFLOW_HEADLINE)
        new = [error for error in errors if error.rstrip() not in shown]
        for error in new[:_SHOWN_ERRORS]:
            console.print(printable_lines(error), soft_wrap=True)


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
