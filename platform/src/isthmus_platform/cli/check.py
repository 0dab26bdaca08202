"""The command that checks a deployment file before Airflow reads it."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_platform.cli.arguments import AddCommand
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError, EndOfLifeError
from isthmus_platform.terminal.escape import printable
from isthmus_platform.terminal.printing import print_whole

_COLUMNS = ("dataflow", "runs", "tasks", "engine", "runner")

_MEANING = (
    "check a deployment file, and show how it runs each dataflow; what only a runner or Airflow "
    "knows, engines and their options, pools and connections, is not checked"
)


def add_check_command(add: AddCommand) -> None:
    """Add the command `check` to a parser."""
    parser = add("check", _check, _MEANING)
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="the deployment file (default: that of --deployment)",
    )


def _check(options: argparse.Namespace, console: Console) -> int:
    deployment = load_deployment(options.file)
    grid = Table(*_COLUMNS, box=None)
    mistakes = [
        *deployment.unknown_dataflows(CATALOG).values(),
        *deployment.unknown_sources(CATALOG),
    ]
    for dataflow in CATALOG.dataflows:
        try:
            cells = _as_deployed(dataflow, deployment)
        except DeploymentError as error:
            mistakes.append(error)
            cells = ("cannot run",)
        except EndOfLifeError as error:
            cells = (str(error),)
        grid.add_row(str(dataflow.identity), *map(printable, cells))
    print_whole(grid, console)
    for name, runner in deployment.runners.items():
        if shutil.which(runner.command[0]) is None:
            note = (
                f"note: runner {name!r} starts {runner.command[0]!r}, which is not a program here"
            )
            console.print(printable(note), soft_wrap=True)
    for mistake in mistakes:
        console.print(printable(f"mistake: {mistake}"), soft_wrap=True)
    return 2 if mistakes else 0


def _as_deployed(dataflow: DataflowContract, deployment: Deployment) -> tuple[str, ...]:
    """Return when a dataflow runs, its tasks, the engines of its stages, and its runner."""
    from isthmus_platform.dags.builder import deployed_dag  # noqa: PLC0415 - Airflow takes seconds

    dag = deployed_dag(dataflow, deployment)
    settings = deployment.settings(dataflow)
    engines = dict.fromkeys(settings.of_stage(cut).engine for cut in (*settings.stages, None))
    return _when(dataflow, settings), " > ".join(dag.task_ids), ", ".join(engines), settings.runner


def _when(dataflow: DataflowContract, settings: Settings) -> str:
    if settings.schedule is not None:
        return settings.schedule
    read = " and ".join(map(str, dataflow.upstream))
    return f"after {read}" if read else "by hand"
