from __future__ import annotations

import os
from pathlib import Path

import pytest

from isthmus_contracts.protocol import EngineProfile, RunIdentity, RunRequest
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import DeploymentError, RunnerError
from isthmus_platform.runners import prepared_runner


def request(folder: Path) -> RunRequest:
    """Return a request whose directories exist."""
    for name in ("spool", "scratch"):
        (folder / name).mkdir()
    return RunRequest(
        RunIdentity("manual__1", "transform", 1),
        "airport_days.v1",
        "1.0.0",
        ("days",),
        {},
        {},
        str(folder / "spool"),
        EngineProfile("sequential", {}),
    )


def test_the_home_is_made_and_the_environment_is_the_deployments(tmp_path: Path) -> None:
    asked = request(tmp_path)
    command = ("/bin/sh", "-c", 'echo "$HOME $TMPDIR $MORE" >&2')
    runner = Runner(command, str(tmp_path / "a" / "home"), {"MORE": "more"})
    log: list[str] = []
    process = prepared_runner(runner, asked, tmp_path / "scratch")
    with pytest.raises(RunnerError, match="sent no result"):
        process.run(asked, print, log.append)
    assert log == [f"{tmp_path}/a/home {tmp_path}/scratch more"]


def test_a_user_that_cannot_be_is_refused_before_anything_starts(tmp_path: Path) -> None:
    runner = Runner(("/bin/true",), str(tmp_path / "home"), user="no-such-user")
    with pytest.raises(DeploymentError, match="runner user 'no-such-user': there is no such user"):
        prepared_runner(runner, request(tmp_path), tmp_path / "scratch")


def test_a_place_that_the_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a runner as another Unix user")
    runner = Runner(("/bin/true",), str(tmp_path / "home"), user="nobody")
    tmp_path.chmod(0o700)
    words = f"runner user 'nobody': it may not write in {tmp_path}/home, and 2 more; docs/security"
    with pytest.raises(DeploymentError, match=words):
        prepared_runner(runner, request(tmp_path), tmp_path / "scratch")
