from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from isthmus_platform.local_airflow import watchdog


@pytest.fixture
def component() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.fixture
def watching() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", watchdog.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_components_are_stopped_when_the_pipe_ends(
    component: subprocess.Popen[bytes], watching: subprocess.Popen[str]
) -> None:
    watching.communicate(f"{component.pid}\n", timeout=20)
    assert component.wait(5) == -signal.SIGTERM


def test_nothing_is_stopped_after_done(
    component: subprocess.Popen[bytes], watching: subprocess.Popen[str]
) -> None:
    watching.communicate(f"{component.pid}\n{watchdog.DONE}\n", timeout=20)
    assert watching.returncode == 0
    assert component.poll() is None
