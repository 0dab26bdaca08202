from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts.protocol import EngineProfile, RunIdentity, RunRequest
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import DeploymentError, RunnerError
from isthmus_platform.runners import RunnerProcess, launch_runner
from isthmus_platform.runners.confinement import landlock

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


SHARING = """
import multiprocessing, sys
try:
    multiprocessing.Semaphore()
except PermissionError:
    print("no semaphore", file=sys.stderr)
else:
    print("a semaphore", file=sys.stderr)
"""
needs_landlock = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")


def prepared(runner: Runner, folder: Path, engine: str | None = None) -> RunnerProcess:
    """Prepare a runner whose directories exist."""
    staging, scratch = folder / "staging", folder / "scratch"
    for directory in (staging, scratch):
        directory.mkdir()
    return launch_runner(runner, "station_days.v1", staging, scratch, engine=engine)


def log_of(process: RunnerProcess) -> list[str]:
    """Return the log of a runner that sends no result."""
    log: list[str] = []
    with closing(process):
        process.start(log.append)
        with pytest.raises(RunnerError, match="sent no result"):
            process.run(REQUEST, print)
    return log


@needs_landlock
@pytest.mark.parametrize(
    ("engine", "writable", "expected"),
    [
        ("sequential", (), "no semaphore"),
        ("processes", (), "a semaphore"),
        ("sequential", ("/dev/shm",), "a semaphore"),  # noqa: S108 - where Linux has semaphores
    ],
)
def test_worker_processes_share_memory_and_others_where_the_deployment_says_so(
    tmp_path: Path, engine: str, writable: tuple[str, ...], expected: str
) -> None:
    command = (sys.executable, "-c", SHARING)
    runner = Runner(command, str(tmp_path / "home"), writable=writable)
    assert log_of(prepared(runner, tmp_path, engine)) == [expected]


@needs_landlock
def test_the_deployment_may_let_a_runner_read_more(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model").write_text("a model")
    command = ("/bin/sh", "-c", f"cat {tmp_path}/models/model >&2")
    for number, readable in enumerate(((), (str(tmp_path / "models"),))):
        (tmp_path / str(number)).mkdir()
        runner = Runner(command, str(tmp_path / "home"), readable=readable)
        log = log_of(prepared(runner, tmp_path / str(number)))
        assert (log == ["a model"]) is bool(readable)
        assert readable or "Permission denied" in log[0]


def test_a_runner_that_cannot_be_confined_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"attributes": "00" * 8, "paths": [], "file_rights": 0, "ports": []}
    monkeypatch.setattr(landlock, "ruleset", lambda *_: wrong)  # the kernel refuses no rights
    process = prepared(Runner(("/bin/echo", "started"), str(tmp_path / "home")), tmp_path)
    log: list[str] = []
    with closing(process):
        process.start(log.append)
        with pytest.raises(RunnerError, match="the runner's command '/bin/echo' cannot be run"):
            process.run(REQUEST, print)
    assert log[0].startswith("the runner cannot be confined: [Errno ")


def test_the_home_is_made_and_the_environment_is_the_deployments(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", 'echo "$HOME $TMPDIR $ISTHMUS_DATAFLOW $MORE" >&2')
    runner = Runner(command, str(tmp_path / "a" / "home"), {"MORE": "more"})
    assert log_of(prepared(runner, tmp_path)) == [
        f"{tmp_path}/a/home {tmp_path}/scratch station_days.v1 more"
    ]


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
