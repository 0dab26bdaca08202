from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator

import psutil
import pytest

from isthmus_platform.runners.process_tree import ProcessTree, is_stopped

# Like a supervisor whose runner has left its session: killed, it leaves two processes.
COMMAND = ("sh", "-c", "setsid sleep 60 & setsid sh -c 'sleep 60 & wait' & wait")


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Start a process before the tree, as another part of the platform may."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def started(tree: ProcessTree) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Start a supervisor; return it with its three descendants."""
    supervisor = subprocess.Popen(COMMAND, start_new_session=True)
    deadline = time.monotonic() + 10
    while len(found := tree.descendants(supervisor)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return supervisor, found


def test_only_a_supervisors_descendants_are_found_and_killed(
    other: subprocess.Popen[bytes],
) -> None:
    tree = ProcessTree(None)
    supervisor, found = started(tree)
    beside = subprocess.Popen(["sleep", "60"])  # in this process's own session
    assert {process.pid for process in found}.isdisjoint({supervisor.pid, other.pid, beside.pid})
    tree.kill(supervisor)
    assert supervisor.poll() == -signal.SIGKILL
    assert not any(process.is_running() for process in found)
    assert tree.descendants(supervisor) == []
    assert (other.poll(), beside.poll()) == (None, None)
    beside.kill()
    beside.wait()


def test_descendants_of_a_killed_supervisor_are_adopted_and_killed() -> None:
    tree = ProcessTree(None)
    supervisor, found = started(tree)
    supervisor.kill()
    supervisor.wait()
    assert tree.descendants(supervisor) != []
    tree.kill(supervisor)
    assert not any(process.is_running() for process in found)


def test_a_stopped_supervisor_is_recognised() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as supervisor:
        assert not is_stopped(supervisor)
        supervisor.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while not is_stopped(supervisor):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        supervisor.kill()
        supervisor.wait()
        assert not is_stopped(supervisor)
