"""What `demo`, `up` and `run` do, with an Airflow on this machine alone."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from isthmus_contracts import DataflowContract, resolve_interval, resolve_params
from isthmus_contracts.catalog import CATALOG, FLIGHT_DELAYS
from isthmus_contracts.dataflows import INTERVAL_FIELDS
from isthmus_platform import dags
from isthmus_platform.cli.airflow_objects import placed_pools
from isthmus_platform.cli.arguments import SAMPLE_CONNECTION
from isthmus_platform.cli.command_lines import (
    platform_command,
    run_command,
    transforms_command,
)
from isthmus_platform.demo.sample_database import load_sample_database
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.errors import DeploymentError
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import create_lake, open_lake
from isthmus_platform.local_airflow import (
    PASSWORD,
    Client,
    Installation,
    InstallationError,
    Running,
    find_running,
    read_password,
    running,
)
from isthmus_platform.local_airflow.follow import follow, triggered_runs
from isthmus_platform.local_airflow.models import Run
from isthmus_platform.local_airflow.report import (
    report_failure,
    report_next,
    report_release,
    report_times,
)
from isthmus_platform.local_airflow.waiting import check_can_start
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import read_pins_document

_SPECIAL_IN_URLS = frozenset("%?#")
_PASSWORD_VARIABLE = "ISTHMUS_PASSWORD"  # noqa: S105 - its name


def demo(options: argparse.Namespace, console: Console) -> int:
    """Load the sample database, run every dataflow, and say what to try next."""
    load_sample_database(options.data, options.state / "company.sqlite", console.print)
    with _airflow(options, console) as airflow:
        status = _run_and_report(airflow, FLIGHT_DELAYS, {}, options, console)
    if status == 0:
        report_next(FLIGHT_DELAYS, console)
    return status


def up(options: argparse.Namespace, console: Console) -> int:
    """Run Airflow until Ctrl-C."""
    deployment = load_deployment()  # reports a mistake in the file before anything is started
    make_own_lake(deployment, options.state)
    installation = local_installation(options, deployment)
    with running(installation, console.print) as up:
        is_default = read_password(installation.home) == PASSWORD
        login = "airflow / airflow" if is_default else "airflow, with the password that you chose"
        console.print(f"login {login}; Ctrl-C stops Airflow")
        with contextlib.suppress(KeyboardInterrupt):
            up.wait()
    return 0


def run(options: argparse.Namespace, console: Console) -> int:
    """Run a dataflow, and the dataflows that its release triggers; return 1 if one fails."""
    contract = CATALOG.dataflow(options.dataflow)
    params = parse_params(contract, options.param)
    if interval := resolve_interval(contract, options.interval_start, options.interval_end):
        params |= zip(INTERVAL_FIELDS, (str(interval.start), str(interval.end)), strict=True)
    with _airflow(options, console) as airflow:
        return _run_and_report(airflow, contract, params, options, console)


def parse_params(contract: DataflowContract, texts: Sequence[str]) -> dict[str, object]:
    """Return the values of NAME=VALUE texts; raise `ContractError` for one it refuses."""
    params = {param.name: param for param in contract.params}
    given: dict[str, object] = {}
    for text in texts:
        name, _, value = text.partition("=")
        given[name] = params[name].parse(value) if name in params else value
    resolve_params(contract.params, given)
    return given


def make_own_lake(deployment: Deployment, state: Path) -> None:
    """Make the lake if its place is in this state, and not even a directory exists there.

    Any other place may be a disk that is not mounted, so only `init-lake` makes a lake there.
    """
    root = Path(deployment.lake.root)
    own = not deployment.lake.is_bucket and root.resolve().is_relative_to(state.resolve())
    if own and not root.exists():
        create_lake(deployment)


def local_installation(options: argparse.Namespace, deployment: Deployment) -> Installation:
    """Return the installation that the options describe; its state's path must suit a URL.

    Its tasks get the environment variables that the deployment names, connections, and `AWS_...`.
    """
    state = str(options.state.resolve())
    special = sorted(_SPECIAL_IN_URLS & set(state))
    if special:
        raise InstallationError(
            f"the state's path {state!r} contains {' and '.join(special)}, which "
            "has another meaning in a database's address; choose another path with --state"
        )
    database = (options.state / "company.sqlite").resolve()
    named = {"ISTHMUS_STATE", "ISTHMUS_TRANSFORMS_PYTHON", *deployment.variables}
    passed = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("AIRFLOW_CONN_", "AWS_"))
        or (name in named and not name.startswith("AIRFLOW"))  # those are the installation's
    }
    return Installation(
        state=options.state,
        deployment=options.deployment,
        dags_folder=Path(dags.__file__).parent,
        port=options.port,
        environment={
            f"AIRFLOW_CONN_{SAMPLE_CONNECTION.upper()}": f"sqlite:///{database}",
            **passed,
        },
        password=os.environ.get(_PASSWORD_VARIABLE) or None,
    )


@dataclass(frozen=True, slots=True)
class _Airflow:
    """Hold a client, the deployment, its lake, and the Airflow that this command has started."""

    client: Client
    deployment: Deployment
    lake: Lake
    installation: Running | None


@contextlib.contextmanager
def _airflow(options: argparse.Namespace, console: Console) -> Iterator[_Airflow]:
    """Give the Airflow that is up on this state, or one that this starts."""
    deployment = load_deployment()  # reports a mistake in the file before anything is started
    make_own_lake(deployment, options.state)
    lake = open_lake(deployment)
    installation = local_installation(options, deployment)
    url = find_running(options.state)
    if url is not None:
        console.print(f"using the Airflow that is up at {url}")
        with Client(url, password=read_password(installation.home)) as client:
            yield _Airflow(client, deployment, lake, None)
        return
    with (
        running(installation, console.print) as up,
        Client(up.url, password=read_password(installation.home)) as client,
    ):
        yield _Airflow(client, deployment, lake, up)


def _run_and_report(
    airflow: _Airflow,
    contract: DataflowContract,
    fields: Mapping[str, object],
    options: argparse.Namespace,
    console: Console,
) -> int:
    """Run a dataflow and the dataflows that it triggers; return 0 only if all published."""
    client, installation = airflow.client, airflow.installation
    deployment, lake = airflow.deployment, airflow.lake
    runs_root = Path(deployment.runs.root)
    check_can_start(client, str(contract.identity), pools_of(contract, deployment))
    pending = [(str(contract.identity), client.trigger(str(contract.identity), fields))]
    while pending:
        dag, run_id = pending.pop(0)
        dataflow = CATALOG.dataflow(dag)
        record = RunRecord(runs_root, dataflow.identity, run_id)
        ended = follow(client, installation, record, console)
        published = releases.releases(lake, dataflow.identity)
        found = next((release for release, _ in published if release.run == run_id), None)
        if found is None or ended.state != "success":
            report_failure(ended, record, client, console)
            console.print(f"published release {found.id}" if found else "nothing was published")
            given = fields if dataflow is contract else {}
            _say_next(options, dataflow, given, record, console)
            return 1
        report_release(found, lake, console)
        report_times(ended, record, console)
        pending += _triggered(client, ended, dataflow, deployment, console)
    return 0


def _say_next(
    options: argparse.Namespace,
    dataflow: DataflowContract,
    fields: Mapping[str, object],
    record: RunRecord,
    console: Console,
) -> None:
    """Print the exact commands that repeat a run that failed: in Airflow, and at a desk."""
    lines = [(run_command(options, dataflow, fields), "the same run again")]
    if record.pins.is_file():
        pins, folder = read_pins_document(record.pins), Path("out") / "inputs"
        words = ("export-inputs", dataflow.name, str(folder), "--run", record.run)
        lines += [
            (platform_command(options, *words), "what this run read, as Parquet files"),
            (transforms_command(options, dataflow, folder, pins), "the same without Airflow"),
        ]
    console.print("\nnext")
    for line, meaning in lines:
        console.print(f"  {line}\n      {meaning}", soft_wrap=True)


def _triggered(
    client: Client,
    run: Run,
    dataflow: DataflowContract,
    deployment: Deployment,
    console: Console,
) -> list[tuple[str, str]]:
    """Return the (DAG, run id) pairs that a run has started; say which readers did not start."""
    readers = readers_of(dataflow, deployment)
    paused = {dag.id for dag in client.dags() if dag.paused} if readers else set()
    expected = [name for name in readers if name not in paused]
    found = triggered_runs(client, run, len(expected)) if expected else []
    started = {dag for dag, _ in found}
    for name in readers:
        if name not in started:
            why = "it is paused" if name in paused else "Airflow has not started it yet"
            console.print(f"{name} has not read this release: {why}; see `status`")
    return found


def readers_of(dataflow: DataflowContract, deployment: Deployment) -> list[str]:
    """Return the dataflows that run when this one publishes, because they have no schedule."""
    return [
        str(reader.identity)
        for reader in CATALOG.readers(dataflow.identity)
        if deployment.settings(reader).schedule is None
    ]


def pools_of(dataflow: DataflowContract, deployment: Deployment) -> tuple[str, ...]:
    """Return the pools of a dataflow's tasks; none if its settings are invalid, as its DAG says."""
    try:
        deployed = deployment.deploy(dataflow)
    except DeploymentError:
        return ()
    return tuple(dict.fromkeys(pool for _, pool in placed_pools(deployed)))
