"""The API of a real Airflow: no runner and no other site may ask it for anything."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from conftest import Airflow

from isthmus_contracts.protocol import EngineProfile, RunIdentity, RunRequest
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import RunnerError
from isthmus_platform.local_airflow.settings import PASSWORD, environment, read_password
from isthmus_platform.runners import launch_runner
from isthmus_platform.runners.confinement import landlock, socket_filter

ASKING = """
import json, sys, urllib.request
body = json.dumps({"username": "airflow", "password": "airflow"}).encode()
json_body = {"Content-Type": "application/json"}
request = urllib.request.Request(sys.argv[1] + "/auth/token", body, json_body)
print(urllib.request.urlopen(request).status, file=sys.stderr)
"""
REQUEST = RunRequest(
    RunIdentity("manual__1", "transform", 1),
    "airport_days.v1",
    "1.0.0",
    (),
    {},
    {},
    "staging",
    EngineProfile("sequential", {}),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    found = Path(tempfile.mkdtemp(prefix="isthmus-runner-"))
    found.chmod(0o755)
    for name in ("staging", "scratch"):
        (found / name).mkdir()
    yield found
    shutil.rmtree(found)


def last_line(runner: Runner, folder: Path) -> str:
    """Run a runner that sends no result, and return the last line of its log."""
    log: list[str] = []
    process = launch_runner(runner, None, folder / "staging", folder / "scratch")
    with closing(process):
        process.start(log.append)
        with pytest.raises(RunnerError, match="sent no result"):
            process.run(replace(REQUEST, staging=str(folder / "staging")), lambda _: None)
    return log[-1]


@pytest.mark.parametrize("user", [None, "nobody"])
def test_a_runner_gets_no_token(
    airflow: Airflow, folder: Path, user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if user and os.geteuid() != 0:
        pytest.skip("only root can start a runner as another Unix user")
    python = "/usr/bin/python3" if user else sys.executable
    command = (python, "-I", "-c", ASKING, airflow.up.url)
    runner = Runner(command, str(folder / "home"), user=user)
    if landlock.version() >= landlock.FIRST_WITH_PORTS and socket_filter.is_supported():
        assert "[Errno 13] Permission denied" in last_line(runner, folder)
        elsewhere = replace(runner, network=(1,))
        assert "[Errno 13] Permission denied" in last_line(elsewhere, folder)
    # What the kernel refuses is what would succeed.
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(socket_filter, "is_supported", lambda: False)
    assert last_line(runner, folder) == "201"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/auth/token", "/api/v2/version", "/", "/execution/health"])
def test_another_site_gets_no_answer(airflow: Airflow, headers: dict[str, str], path: str) -> None:
    login = {"username": "airflow", "password": "airflow"}
    with httpx.Client(base_url=airflow.up.url, trust_env=False, timeout=60) as http:
        for method in ("GET", "POST"):
            refused = http.request(method, path, json=login, headers=headers)
            assert refused.status_code == 403
            assert "evil.example" in refused.text or "Origin" in refused.text
        own = {"Origin": airflow.up.url}
        assert http.post("/auth/token", json=login, headers=own).status_code == 201


def test_a_password_of_ones_own_is_the_only_one(airflow: Airflow) -> None:
    home = airflow.installation.home
    chosen = replace(airflow.installation, password="one's own")  # noqa: S106 - for this test
    environment(chosen)
    try:
        with httpx.Client(base_url=airflow.up.url, trust_env=False, timeout=60) as http:
            for password, status in (("airflow", 401), (read_password(home), 201)):
                login = {"username": "airflow", "password": password}
                assert http.post("/auth/token", json=login).status_code == status
    finally:
        environment(replace(chosen, password=PASSWORD))
