from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts.protocol import EngineProfile, RunIdentity, RunRequest
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import DeploymentError, RunnerError
from isthmus_platform.runners import RunnerProcess, launch_runner

REQUEST = RunRequest(
    RunIdentity("manual__1", "transform", 1),
    "station_days.v1",
    "1.0.0",
    ("days",),
    {},
    {},
    "staging",
    EngineProfile("sequential", {}),
)


def prepared(runner: Runner, folder: Path) -> RunnerProcess:
    """Prepare a runner whose directories exist."""
    for name in ("staging", "scratch"):
        (folder / name).mkdir()
    return launch_runner(runner, "station_days.v1", folder / "staging", folder / "scratch")


def test_the_home_is_made_and_the_environment_is_the_deployments(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", 'echo "$HOME $TMPDIR $ISTHMUS_DATAFLOW $MORE" >&2')
    runner = Runner(command, str(tmp_path / "a" / "home"), {"MORE": "more"})
    log: list[str] = []
    process = prepared(runner, tmp_path)
    request = replace(REQUEST, staging=str(tmp_path / "staging"))
    with closing(process):
        process.start(log.append)
        with pytest.raises(RunnerError, match="sent no result"):
            process.run(request, print)
    assert log == [f"{tmp_path}/a/home {tmp_path}/scratch station_days.v1 more"]


def test_a_user_that_cannot_be_is_refused_before_anything_starts(tmp_path: Path) -> None:
    runner = Runner(("/bin/true",), str(tmp_path / "home"), user="no-such-user")
    with pytest.raises(DeploymentError, match="runner user 'no-such-user': there is no such user"):
        prepared(runner, tmp_path)


@pytest.fixture
def another(tmp_path: Path) -> Runner:
    """Return a runner of another Unix user."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a runner as another Unix user")
    return Runner(("/bin/cat",), str(tmp_path / "home"), user="nobody")


def test_a_place_that_the_user_cannot_reach_is_refused(tmp_path: Path, another: Runner) -> None:
    tmp_path.chmod(0o700)
    words = f"runner user 'nobody': it may not write in {tmp_path}/home, and 2 more; docs/security"
    with pytest.raises(DeploymentError, match=words):
        prepared(another, tmp_path)


def test_an_input_that_the_user_may_not_read_is_refused(tmp_path: Path, another: Runner) -> None:
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(0o755)
    secret = tmp_path / "secret.parquet"
    secret.touch(0o600)
    request = replace(REQUEST, inputs={"parcel_features": (str(secret),)})
    process = prepared(another, tmp_path)
    words = f"runner user 'nobody': it may not read {secret}; docs/security"
    with closing(process):
        process.start(print)
        with pytest.raises(DeploymentError, match=words):
            process.run(request, print)
