"""What came of a run, for the person who asked for it."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from isthmus_contracts import DataflowContract
from isthmus_contracts.protocol import RunFailure
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.local_airflow import Client
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.runs import RunRecord, summarize
from isthmus_platform.storage import DiskStore, Location
from isthmus_platform.terminal.printing import printable

_SHOWN_ERRORS = 6
_AIRFLOWS = "Task failed with exception"


def report_release(release: Release, lake: Lake, console: Console) -> None:
    """Show each output of a release with its rows or size and its place, and the metrics."""
    console.print(f"\n{release.dataflow} published release {release.id}", style="bold")
    for line in describe_outputs(release, lake):  # as plain lines, so that no place is cut off
        console.print(line, soft_wrap=True)


def describe_outputs(release: Release, lake: Lake) -> list[str]:
    """Return a line for each output of a release, with its rows or size and its place."""
    rows = [
        (name, f"{table.rows:,} rows", f"{placed(lake.path(table.path))} (version {table.version})")
        for name, table in release.tables.items()
    ]
    rows += [
        (name, f"{file.bytes:,} bytes", placed(lake.path(file.path)))
        for name, file in release.files.items()
    ]
    for name, numbers in release.metrics.items():
        rows += [(name, f"{metric} {value:,.6g}", "") for metric, value in numbers.items()]
    names, contents = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [
        f"{name:{names}}  {content:{contents}}  {place}".rstrip() for name, content, place in rows
    ]


def placed(place: Location) -> str:
    """Return a place in the lake as a person looks for it: a path, or the address of an object."""
    return shown(place.local()) if isinstance(place.store, DiskStore) else place.address


def report_times(run: Run, record: RunRecord, console: Console) -> None:
    """Show where the picture is, and what the functions took against everything around them."""
    console.print(f"graph     {shown(record.picture)}", soft_wrap=True)
    progress = [summarize(attempt.answers()) for attempt in record.attempts()]
    warnings = {check: warning for one in progress for check, warning in one.warnings.items()}
    passed = sum(each.passed for each in progress)
    console.print(f"checks    {passed} passed, {len(warnings)} warned")
    for warning in warnings.values():
        console.print(printable(f"warning   {warning}"), soft_wrap=True)
    functions = sum(each.seconds for each in progress)
    nodes = sum(each.done for each in progress)
    if run.start is None or run.end is None:
        return
    whole = (run.end - run.start).total_seconds()
    console.print(
        f"time      {functions:.1f} s in {nodes} functions, "
        f"{max(0.0, whole - functions):.1f} s around them, {whole:.1f} s in all"
    )
    slowest = sorted((each for one in progress for each in one.slowest), key=lambda each: -each[1])
    named = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest[:3])
    if named:
        console.print(printable(f"slowest   {named}"), soft_wrap=True)


def report_failure(run: Run, record: RunRecord, client: Client, console: Console) -> None:
    """Show which task failed, and why, in the words of its log."""
    for task in client.tasks(run.dag, run.id):
        if task.state != "failed":
            continue
        console.print(f"\n{run.dag} {task.name} failed", style="bold")
        told = ""
        failures = [
            answer
            for answer in record.attempt(task.name, task.try_number).answers()
            if isinstance(answer, RunFailure)
        ]
        if failures and failures[-1].traceback:
            told = failures[-1].traceback.rstrip()
            console.print(printable(told), soft_wrap=True)
        lines = client.log(run.dag, run.id, task.id, task.try_number, task.map_index)
        errors = [line.text for line in lines if line.level in ("error", "critical")]
        said = [text for text in dict.fromkeys(errors) if text.rstrip() not in (told, _AIRFLOWS)]
        for text in said[:_SHOWN_ERRORS]:
            console.print(printable(text), soft_wrap=True)


def report_next(dataflow: DataflowContract, console: Console) -> None:
    """Say what to type next, for someone who has seen this dataflow run."""
    name = dataflow.name
    console.print("\nnext")
    for command, meaning in (
        ("make up", "Airflow's page: http://localhost:8080, login airflow / airflow"),
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


def shown(path: Path) -> str:
    """Return a path as short as it can be typed from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative
