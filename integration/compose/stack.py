"""The integration stack of a fresh clone, as a test sees it: commands, Airflow's API, the lake."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from isthmus_contracts import DataflowContract, File, Metrics, Table
from isthmus_contracts.catalog import AIRPORT_DAYS
from isthmus_platform.errors import PlatformError
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.local_airflow import Client
from isthmus_platform.local_airflow.client import Run

PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Content:
    """Hold what readers get of a release: rows in the order of the key, digests of files."""

    tables: Mapping[str, pa.Table]
    files: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Stack:
    """A stack that is up."""

    folder: Path
    environment: Mapping[str, str]
    client: Client
    lake: Lake

    def compose(self, *arguments: str) -> str:
        """Return what `docker compose` prints, and expect it to succeed."""
        return output_of(["docker", "compose", *arguments], self.folder, self.environment)

    def container(self, service: str) -> str:
        """Return the id of a service's only container."""
        (found,) = self.compose("ps", "--all", "--quiet", service).split()
        return found

    def docker(self, *arguments: str) -> str:
        """Return what `docker` prints, and expect it to succeed."""
        return output_of(["docker", *arguments], self.folder, self.environment)

    def kill(self, service: str, *, down_seconds: float = 3) -> None:
        """Kill a service's container outright, and start it again."""
        container = self.container(service)
        self.docker("kill", "--signal", "KILL", container)
        time.sleep(down_seconds)
        self.docker("start", container)

    def reach(self, dataflow: DataflowContract, task: str) -> str:
        """Start a run, and return its id when one of its tasks is running."""
        name = str(dataflow.identity)
        run = self.client.trigger(name)

        def runs() -> bool:
            states = {task.id: task.state for task in self.client.tasks(name, run)}
            return states.get(task) == "running"

        eventually(runs, interval=0.2)
        return run

    def end(self, dataflow: DataflowContract, run: str) -> Run:
        """Return a run when it has ended; Airflow may be away meanwhile."""
        name = str(dataflow.identity)
        eventually(lambda: self.client.run(name, run).finished)
        return self.client.run(name, run)

    def attempts(self, dataflow: DataflowContract, run: str) -> dict[str, tuple[str | None, int]]:
        """Return the state and the number of attempts of each task."""
        tasks = self.client.tasks(str(dataflow.identity), run)
        return {task.id: (task.state, task.try_number) for task in tasks}

    def log(self, dataflow: DataflowContract, run: str) -> str:
        """Return the end of the logs of a run's tasks that did not succeed."""
        name = str(dataflow.identity)
        return "\n".join(
            line.text
            for task in self.client.tasks(name, run)
            if task.state not in ("success", None) and task.try_number > 0
            for line in self.client.log(name, run, task.id, task.try_number)[-20:]
        )

    def published_by(self, dataflow: DataflowContract, run: str) -> Content:
        """Return what a run has published, if it was a success with one whole release."""
        ended = self.end(dataflow, run)
        assert ended.state == "success", self.log(dataflow, run)
        known = [release for release, _ in releases.releases(self.lake, dataflow.identity)]
        (made,) = [release for release in known if release.run == run]
        return content(self.lake, dataflow, made)


def content(lake: Lake, dataflow: DataflowContract, release: releases.Release) -> Content:
    """Return what readers get of a release; fail if it is not what the release says."""
    outputs = dataflow.outputs
    assert list(release.tables) == [output.name for output in outputs if isinstance(output, Table)]
    assert list(release.files) == [output.name for output in outputs if isinstance(output, File)]
    assert list(release.metrics) == [
        output.name for output in outputs if isinstance(output, Metrics)
    ]
    tables, options = {}, dict(lake.store.options)
    for contract in outputs:
        if isinstance(contract, Table):
            found = release.tables[contract.name]
            place = lake.path(found.path).address
            table = DeltaTable(place, version=found.version, storage_options=options)
            rows = table.to_pyarrow_table()
            assert rows.num_rows == found.rows
            tables[contract.name] = rows.sort_by([(column, "ascending") for column in contract.key])
    for file in release.files.values():
        data = lake.store.read(file.path)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    digests = {name: file.sha256 for name, file in release.files.items()}
    return Content(tables, digests, release.metrics)


def current(lake: Lake, dataflow: DataflowContract = AIRPORT_DAYS) -> Content:
    """Return what readers get of the current release."""
    found = releases.current(lake, dataflow.identity)
    assert found is not None
    return content(lake, dataflow, found)


def output_of(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Return what a command prints, and expect it to succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, (
        f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return done.stdout


def eventually(question: Callable[[], bool], interval: float = 1.0) -> None:
    """Wait until the answer is yes; a service that does not answer counts as no."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if question():
                return
            reason = "the answer is still no"
        except (OSError, PlatformError) as error:
            reason = str(error)
        assert time.monotonic() < deadline, reason
        time.sleep(interval)
