"""The command that checks a deployment file before Airflow reads it."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.formatting import printable
from isthmus_contracts.protocol import Capabilities
from isthmus_platform.cli.arguments import AddCommand
from isthmus_platform.cli.engines import engine_mistakes
from isthmus_platform.deployment import DeployedDataflow, Deployment, load_deployment
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError, EndOfLifeError, RunnerError
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life
from isthmus_platform.runners import runner_capabilities
from isthmus_platform.terminal.printing import print_whole

_COLUMNS = ("dataflow", "runs", "tasks", "engine", "runner")

_MEANING = "check a deployment file, and show how it runs each dataflow"
_DESCRIPTION = (
    "Check a deployment file, and show how it runs each dataflow. The command starts each runner "
    "and asks it for its engines and their options; a runner that cannot be started here is a "
    "note. Pools and connections, which only Airflow knows, are not checked."
)


def add_check_command(add: AddCommand) -> None:
    """Add the command `check` to a parser."""
    parser = add("check", _check, _MEANING)
    parser.description = _DESCRIPTION
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
    runners, notes = _ask_runners(deployment, console)
    for dataflow in CATALOG.dataflows:
        try:
            check_not_end_of_life(dataflow)
            deployed = deployment.deploy(dataflow)
            mistakes += engine_mistakes(deployed, runners)
            cells = _as_deployed(deployed)
        except DeploymentError as error:
            mistakes.append(error)
            cells = ("cannot run",)
        except EndOfLifeError as error:
            cells = (str(error),)
        grid.add_row(str(dataflow.identity), *map(printable, cells))
    print_whole(grid, console)
    for note in notes:
        console.print(printable(f"note: {note}"), soft_wrap=True)
    for mistake in dict.fromkeys(map(str, mistakes)):  # one in [defaults] concerns many dataflows
        console.print(printable(f"mistake: {mistake}"), soft_wrap=True)
    return 2 if mistakes else 0


def _ask_runners(
    deployment: Deployment, console: Console
) -> tuple[dict[str, Capabilities], list[str]]:
    """Return what each runner can do, and a note on each that cannot be asked here."""
    runners: dict[str, Capabilities] = {}
    notes = []
    for name, runner in deployment.runners.items():
        program = runner.command[0]
        if shutil.which(program) is None:
            notes.append(f"runner {name!r} starts {program!r}, which is not a program here")
            continue
        try:
            with console.status(f"starting runner {name!r}"):
                runners[name] = runner_capabilities(runner)
        except (RunnerError, DeploymentError, OSError) as error:
            notes.append(f"runner {name!r}: its engines are not checked: {error}")
    return runners, notes


def _as_deployed(dataflow: DeployedDataflow) -> tuple[str, ...]:
    """Return when a dataflow runs, its tasks, the engines of its stages, and its runner."""
    from isthmus_platform.dags.builder import deployed_dag  # noqa: PLC0415 - Airflow takes seconds

    dag = deployed_dag(dataflow)
    settings = dataflow.settings
    engines = dict.fromkeys(settings.of_stage(stage).engine for stage in (*settings.stages, None))
    when = _when(dataflow.contract, settings)
    return when, " > ".join(dag.task_ids), ", ".join(engines), settings.runner


def _when(dataflow: DataflowContract, settings: Settings) -> str:
    if settings.schedule is not None:
        return settings.schedule
    read = " and ".join(map(str, dataflow.upstream))
    return f"after {read}" if read else "by hand"
