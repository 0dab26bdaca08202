"""The command that checks a deployment file before Airflow reads it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.formatting import printable
from isthmus_contracts.protocol import Capabilities
from isthmus_platform.cli.airflow_objects import (
    connection_problems,
    known_pools,
    named_pools,
    pool_mistakes,
)
from isthmus_platform.cli.arguments import AddCommand
from isthmus_platform.cli.engines import engine_mistakes
from isthmus_platform.deployment import (
    DeployedDataflow,
    Deployment,
    deployment_file,
    last_valid,
)
from isthmus_platform.deployment.load import UNKNOWN_RUNNER, draft_deployment, read_deployment
from isthmus_platform.deployment.schedules import next_runs
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.errors import DeploymentError, EndOfLifeError, RunnerError
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life
from isthmus_platform.pipeline.intervals import scheduled_interval
from isthmus_platform.runners import runner_capabilities
from isthmus_platform.terminal.printing import print_whole

_COLUMNS = ("dataflow", "runs", "tasks", "engine", "runner")

_MEANING = "check a deployment file, and show how it runs each dataflow"
_DESCRIPTION = (
    "Check a deployment file, report every mistake, and show how it runs each dataflow, with the "
    "next two runs of each schedule. The command starts each runner and asks it for its engines "
    "and their options; it looks for connections and pools as a task on this host would. What "
    "cannot be asked here is a note."
)
_SHOWN_RUNS = 2
_SHOWN_DIGEST = 12


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
    file = options.file or deployment_file()
    deployment, mistakes = draft_deployment(file, read_deployment(file))
    mistakes += deployment.unknown_dataflows(CATALOG).values()
    mistakes += deployment.unknown_sources(CATALOG)
    runners, notes = _ask_runners(deployment, console)
    grid, deployed = Table(*_COLUMNS, box=None), []
    for contract in CATALOG.dataflows:
        try:
            check_not_end_of_life(contract)
            dataflow = deployment.deploy(contract)
            cells = _as_deployed(dataflow)
            deployed.append(dataflow)
            mistakes += engine_mistakes(dataflow, runners)
        except DeploymentError as error:
            mistakes.append(error)
            cells = (_in_spite_of_mistakes(file, contract),)
        except EndOfLifeError as error:
            cells = (str(error),)
        grid.add_row(str(contract.identity), *map(printable, cells))
    _check_airflow_objects(deployment, deployed, options.state, mistakes, notes)
    print_whole(grid, console)
    lines = [line for dataflow in deployed for line in _next_runs(dataflow)]
    lines += [f"note: {note}" for note in notes]
    found = dict.fromkeys(sentence for error in mistakes for sentence in error.mistakes)
    lines += [f"mistake: {sentence}" for sentence in found]  # one may concern many dataflows
    for line in lines:
        console.print(printable(line), soft_wrap=True)
    return 2 if mistakes else 0


def _in_spite_of_mistakes(file: Path, contract: DataflowContract) -> str:
    for deployed in last_valid(file, contract):
        digest = deployed.deployment.digest[:_SHOWN_DIGEST]
        return f"runs with the last valid file, SHA-256 {digest}..."
    return "cannot run"


def _check_airflow_objects(
    deployment: Deployment,
    dataflows: Sequence[DeployedDataflow],
    state: Path,
    mistakes: list[DeploymentError],
    notes: list[str],
) -> None:
    for place, problem, certain in connection_problems(deployment, state):
        if certain:
            mistakes.append(DeploymentError(deployment.file, place, problem))
        else:
            notes.append(f"{place}: {problem}")
    if pools := named_pools(dataflows):
        known = known_pools(state)
        if known is None:
            names = ", ".join(sorted(pools))
            notes.append(f"pools are not checked without a database of Airflow: {names}")
        else:
            mistakes += pool_mistakes(dataflows, known)


def _next_runs(dataflow: DeployedDataflow) -> Iterator[str]:
    """Yield a line for each of the next runs of a schedule: when it comes, and what it is for."""
    schedule, contract = dataflow.settings.schedule, dataflow.contract
    if schedule is None:
        return
    for before, time in next_runs(schedule, datetime.now(UTC), _SHOWN_RUNS):
        interval = scheduled_interval(contract, before, time) if contract.partitioned else None
        when = f"{time:%Y-%m-%d %H:%M} UTC"
        yield f"next run of {contract.identity}: {when}, for {interval or 'everything'}"


def _ask_runners(
    deployment: Deployment, console: Console
) -> tuple[dict[str, Capabilities], list[str]]:
    """Return what each runner can do, and a note on each that cannot be asked here."""
    runners: dict[str, Capabilities] = {}
    notes = []
    for name, runner in deployment.runners.items():
        if runner is UNKNOWN_RUNNER:  # there is a mistake in its section
            continue
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
