"""How a hostile runner tries to live on, or to end those who watch it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from isthmus_contracts.protocol import RunRequest, encode

pytestmark = pytest.mark.slow


class Outcome(Protocol):
    """The outcome of an attack, as the fixture gives it."""

    end: object
    error: str
    log: list[str]
    seconds: float
    report: Mapping[str, list[str]]


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path
    user: str | None
    request: RunRequest

    def attack(self, text: str) -> Outcome: ...
    def command(self, text: str) -> tuple[str, ...]: ...


Eventually = Callable[[Callable[[], object]], None]


# A line of the runner's log for each process that it leaves, so that tests can look for it.
DAEMON = """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for descriptor in range({first}, 3):
                os.close(descriptor)
            with open(STAGING + "/pids", "a") as file:
                file.write(f"{{os.getpid()}}\\n")
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not os.path.exists(STAGING + "/pids") or not os.path.getsize(STAGING + "/pids"):
        time.sleep(0.01)
"""


def alive(field: Battlefield) -> list[int]:
    """Return which of the processes that the runner wrote down still run."""
    lines = (field.folder / "runs" / "staging" / "pids").read_text().split()
    assert lines
    return [pid for pid in map(int, lines) if runs(pid)]


def runs(pid: int) -> bool:
    """Say whether any thread of a process runs; one that has ended may wait to be buried."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("side", ["field", "other_side"])
def test_a_child_that_leaves_the_session_does_not_outlive_it(
    request: pytest.FixtureRequest, side: str
) -> None:
    field: Battlefield = request.getfixturevalue(side)
    outcome = field.attack(DAEMON.format(first=0) + "daemon(); print(RESULT)")
    assert outcome.end is not None
    assert alive(field) == []


def test_a_child_that_holds_standard_output_open_does_not_delay(field: Battlefield) -> None:
    outcome = field.attack(DAEMON.format(first=3) + "daemon(); print(RESULT)")
    assert outcome.end is not None
    assert outcome.seconds < 8
    assert alive(field) == []


def test_a_process_whose_first_thread_has_ended_is_found(field: Battlefield) -> None:
    text = """
import ctypes
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(STAGING + "/pids", "w") as file:
        file.write(str(os.getpid()))
    threading.Thread(target=time.sleep, args=(600,)).start()
    ctypes.PyDLL(None).pthread_exit(None)
time.sleep(0.5)
print(RESULT)
"""
    assert field.attack(text).end is not None
    assert alive(field) == []


# It holds the interpreter's lock for ever: the matching of this pattern takes longer than a life.
OBSTINATE = """
import re
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
daemon()
with open(STAGING + "/pids", "a") as file:
    file.write(f"{os.getpid()}\\n{os.getppid()}\\n")
print("ready", file=sys.stderr, flush=True)
re.match("(a+)+b", "a" * 100)
"""
TASK = """
import json, sys
sys.path[:0] = {path!r}
from pathlib import Path
from isthmus_contracts.protocol import decode_request
from isthmus_platform.deployment import Runner
from isthmus_platform.runners import launch_runner
runner = Runner({command!r}, {home!r}, user={user!r})
request = decode_request({request!r})
process = launch_runner(runner, request.dataflow, Path(request.staging), Path({scratch!r}))
process.start(lambda line: print(line, flush=True))
process.run(request, print)
"""


@pytest.mark.parametrize("side", ["field", "other_side"])
def test_a_runner_that_ignores_everything_ends_with_a_killed_task(
    request: pytest.FixtureRequest, eventually: Eventually, side: str
) -> None:
    field: Battlefield = request.getfixturevalue(side)
    text = TASK.format(
        path=sys.path,
        command=field.command(DAEMON.format(first=0) + OBSTINATE),
        home=str(field.folder / "home"),
        scratch=str(field.folder / "runs" / "scratch"),
        user=field.user,
        request=encode(field.request),
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as task:
        assert task.stdout is not None
        assert task.stdout.readline() == b"ready\n"
        assert len(alive(field)) == 3
        task.kill()
        eventually(lambda: alive(field) == [])


BOMB = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(STAGING + "/pids", "w") as file:
    file.write(str(os.getpid()))
depth = 0
while depth < 7:
    if os.fork() == 0:
        os.setsid()
    depth += 1
time.sleep(600)
"""


def test_a_fork_bomb_is_ended(field: Battlefield) -> None:
    text = f"if os.fork() == 0:\n    exec({BOMB!r})\ntime.sleep(1)\nprint(RESULT)"
    outcome = field.attack(text)
    assert outcome.end is not None, outcome.error
    assert outcome.seconds < 20
    assert alive(field) == []


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSTOP"])
def test_a_runner_that_ends_or_freezes_its_supervisor_is_ended(
    field: Battlefield, number: str
) -> None:
    text = f"daemon()\nos.kill(os.getppid(), signal.{number})\nprint(RESULT, flush=True)"
    outcome = field.attack(DAEMON.format(first=3) + text + "\nos._exit(0)")
    assert outcome.end is None
    assert outcome.error.startswith("the runner was ended by signal 9")
    assert outcome.seconds < 8
    assert alive(field) == []


def test_neither_supervisor_nor_platform_can_be_signalled_by_another_user(
    other_side: Battlefield,
) -> None:
    text = """
got, pid = [], os.getpid()
while pid > 1:
    with open(f"/proc/{pid}/stat") as file:
        pid = int(file.read().rpartition(")")[2].split()[1])
    try:
        os.kill(pid, 0)
        got.append(pid)
    except PermissionError:
        pass
print(json.dumps({"got": got}), file=sys.stderr)
"""
    assert other_side.attack(text).report["got"] == []


def test_no_list_of_processes_shows_the_request_or_the_environment(field: Battlefield) -> None:
    text = (
        "with open(f'/proc/{os.getppid()}/cmdline') as file:\n"
        "    print(file.read().replace('\\0', ' '), file=sys.stderr)"
    )
    (line,) = field.attack(text).log
    assert "supervisor.py run" in line
    assert "manual__1" not in line
    assert str(field.folder) not in line
