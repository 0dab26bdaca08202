"""The stack of a fresh clone, brought up by the three lines, for the whole session."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Stack, current, output_of

from isthmus_contracts.catalog import CATALOG, FLIGHT_DELAYS
from isthmus_platform.lake.layout import Lake
from isthmus_platform.local_airflow import Client
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore

ROOT = Path(__file__).parents[2]
FILES = "docker-compose.yaml"
# The first of the three lines as it stands in the file; the second is `up`, here in the background.
ENV_FILE = r'echo -e "AIRFLOW_UID=$(id -u)\nAIRFLOW_GID=0" > .env'
UP = ("docker", "compose", "up", "--build", "--detach", "--wait", "--wait-timeout", "600")


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what git has or would have, as somebody who has just cloned it."""
    listed = output_of(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT, os.environ
    )
    folder = tmp_path_factory.mktemp("clone") / "isthmus"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def canary() -> str:
    """Return a password that the build is given, and must not leave in an image."""
    return f"canary{secrets.token_hex(12)}"


@pytest.fixture(scope="session")
def surroundings(canary: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of every command: a project of its own, on ports of its own."""
    netrc = tmp_path_factory.mktemp("build") / "netrc"
    netrc.write_text(f"machine index.invalid login somebody password {canary}\n")
    return {
        **os.environ,
        "COMPOSE_FILE": FILES,
        "COMPOSE_PROJECT_NAME": "isthmus-test",
        "ISTHMUS_PORT": str(free_port()),
        "ISTHMUS_LAKE_PORT": str(free_port()),
        "ISTHMUS_NETRC": str(netrc),
        "ISTHMUS_REVISION": output_of(["git", "rev-parse", "HEAD"], ROOT, os.environ).strip(),
    }


@pytest.fixture(scope="session")
def stack(
    clone: Path, surroundings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Bring the stack up from nothing, and take it down with its volumes."""
    subprocess.run(["bash", "-c", ENV_FILE], cwd=clone, check=True)
    down = ["docker", "compose", "down", "--volumes", "--timeout", "5"]
    output_of(down, clone, surroundings)
    try:
        output_of(list(UP), clone, surroundings)
        lake = lake_of(clone, surroundings, tmp_path_factory.mktemp("cache"))
        with Client(f"http://127.0.0.1:{surroundings['ISTHMUS_PORT']}") as client:
            yield Stack(clone, surroundings, client, lake)
    finally:
        output_of(down, clone, surroundings)


@pytest.fixture(scope="session")
def published(stack: Stack) -> Stack:
    """Return the stack after flight_delays, and all that runs when it publishes, was published."""
    stack.published_by(FLIGHT_DELAYS, stack.client.trigger(str(FLIGHT_DELAYS.identity)))
    for dataflow in CATALOG.dataflows:
        for run in stack.client.runs(str(dataflow.identity)):
            stack.published_by(dataflow, run.id)
        current(stack.lake, dataflow)
    return stack


def lake_of(clone: Path, environment: dict[str, str], cache: Path) -> Lake:
    """Return the lake, read from outside with the credentials of the workers."""
    command = ["docker", "compose", "exec", "-T", "worker-transform"]
    file = output_of([*command, "cat", "/run/isthmus/connections.json"], clone, environment)
    connection = json.loads(file)["lake"]
    credentials = Credentials(
        endpoint=f"http://127.0.0.1:{environment['ISTHMUS_LAKE_PORT']}",
        region=connection["extra"]["region_name"],
        access_key=connection["login"],
        secret_key=connection["password"],
    )
    return Lake(ObjectStore("lake", "isthmus", credentials, Cache(cache, 1_000_000_000)))


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
