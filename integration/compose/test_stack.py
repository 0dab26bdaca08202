"""The stack that the three lines start, and what survives a restart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest
from conftest import ENV_FILE, FILES
from stack import Content, Stack, current, eventually, output_of

from isthmus_contracts.catalog import AIRPORT_DAYS, CATALOG, FLIGHT_DELAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.runners.confinement import landlock
from isthmus_platform.storage import DiskStore

RUNS = 8


@pytest.mark.smoke
def test_every_service_is_healthy_and_every_dataflow_is_ready(stack: Stack) -> None:
    once = {"init exited", "migrate exited", "bucket exited", "seed exited"}

    def are_well() -> bool:
        states = stack.compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}")
        found = {line.strip() for line in states.splitlines()}
        return once < found and all(
            service.endswith(" running healthy") for service in found - once
        )

    eventually(are_well)  # another test may have started one again just now
    dags = {dag.id: (dag.paused, dag.broken) for dag in stack.client.dags()}
    assert dags == {str(dataflow.identity): (False, False) for dataflow in CATALOG.dataflows}
    assert stack.client.import_errors() == []


def log_in(stack: Stack, password: str = "airflow", **headers: str) -> int:  # noqa: S107 - the default
    """Return the status of the answer to a login."""
    url = f"http://127.0.0.1:{stack.environment['ISTHMUS_PORT']}/auth/token"
    login = {"username": "airflow", "password": password}
    return httpx.post(url, json=login, headers=headers, trust_env=False).status_code


@pytest.mark.smoke
def test_another_site_gets_no_answer(stack: Stack) -> None:
    assert log_in(stack) == 201
    assert log_in(stack, Host="evil.example") == 403
    assert log_in(stack, Origin="http://evil.example") == 403


@pytest.mark.smoke
def test_one_variable_sets_the_password(stack: Stack) -> None:
    command = ["docker", "compose", "run", "--rm", "-T", "init"]
    for password, refused in (("one's own", "airflow"), ("airflow", "one's own")):
        output_of(command, stack.folder, {**stack.environment, "ISTHMUS_PASSWORD": password})
        assert (log_in(stack, password), log_in(stack, refused)) == (201, 401)


@pytest.mark.smoke
def test_every_dataflow_is_published_to_the_object_store(published: Stack) -> None:
    for dataflow in CATALOG.dataflows:
        for run in published.client.runs(str(dataflow.identity)):
            lines = published.client.log(run.dag, run.id, "transform")
            assert landlock.version() == 0 or "does not confine" not in str(lines)
        assert current(published.lake, dataflow).tables
    assert published.lake.address == "s3://lake/isthmus"


def test_it_publishes_what_the_embedded_airflow_does(published: Stack, tmp_path: Path) -> None:
    name = f"{published.environment['COMPOSE_PROJECT_NAME']}-embedded"
    command = ["isthmus-platform", "--state", "/tmp/state"]  # noqa: S108 - in a container of its own
    local = "/opt/isthmus/platform/isthmus_platform/deployment/local.toml"
    options = ["--deployment", local, "demo", "--data", "/opt/demo-data/nycflights13"]
    try:
        published.docker("run", "--init", "--name", name, "isthmus-seed", *command, *options)
        published.docker("cp", f"{name}:/tmp/state/lake", str(tmp_path / "lake"))
    finally:
        published.docker("rm", "--force", name)
    embedded = Lake(DiskStore(tmp_path / "lake"))
    for dataflow in CATALOG.dataflows:
        same(current(published.lake, dataflow), current(embedded, dataflow))


def same(stacked: Content, embedded: Content) -> None:
    """Expect the same rows; numbers may differ as far as the order of threads makes them."""
    assert stacked.tables.keys() == embedded.tables.keys()
    assert stacked.files.keys() == embedded.files.keys()
    assert stacked.metrics.keys() == embedded.metrics.keys()
    for name, metrics in stacked.metrics.items():
        assert metrics == pytest.approx(embedded.metrics[name]), name
    for name, table in stacked.tables.items():
        assert table.schema.equals(embedded.tables[name].schema)
        for column in table.column_names:
            values, expected = table[column].to_pylist(), embedded.tables[name][column].to_pylist()
            if values != expected:
                assert values == pytest.approx(expected, rel=1e-9, nan_ok=True), (name, column)


def test_two_workers_of_each_kind_and_eight_runs_at_once(published: Stack) -> None:
    undisturbed = current(published.lake)
    name = str(AIRPORT_DAYS.identity)
    more = ["--scale", "worker-ingest=2", "--scale", "worker-transform=2"]
    published.compose("up", "--detach", "--wait", "--no-recreate", *more)
    try:
        runs = [published.client.trigger(name) for _ in range(RUNS)]
        for run in runs:
            assert published.published_by(AIRPORT_DAYS, run) == undisturbed
    finally:
        published.compose("up", "--detach", "--wait", "--no-recreate")
    tasks = [
        published.client.request("GET", f"/dags/{name}/dagRuns/{run}/taskInstances/transform")
        for run in runs
    ]
    assert len({task["hostname"] for task in tasks}) == 2


def test_a_stack_that_is_stopped_and_started_has_lost_nothing(published: Stack) -> None:
    def state() -> object:
        known = {
            dataflow.identity: [
                (release.id, now)
                for release, now in releases.releases(published.lake, dataflow.identity)
            ]
            for dataflow in CATALOG.dataflows
        }
        return known, sorted((run.dag, run.id, run.state) for run in published.client.runs())

    before, undisturbed = state(), current(published.lake, FLIGHT_DELAYS)
    published.compose("stop")
    # Somebody follows the three lines again.
    subprocess.run(["bash", "-c", ENV_FILE], cwd=published.folder, check=True)
    published.compose("up", "--build", "--detach", "--wait")
    assert state() == before
    assert current(published.lake, FLIGHT_DELAYS) == undisturbed
    run = published.client.trigger(str(AIRPORT_DAYS.identity))
    assert published.published_by(AIRPORT_DAYS, run).tables


@pytest.mark.parametrize("files", [FILES, f"{FILES}:docker/develop.yaml"])
def test_the_files_are_valid(clone: Path, surroundings: dict[str, str], files: str) -> None:
    command = ["docker", "compose", "config", "--quiet"]
    done = subprocess.run(
        command,
        cwd=clone,
        env=surroundings | {"COMPOSE_FILE": files},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
