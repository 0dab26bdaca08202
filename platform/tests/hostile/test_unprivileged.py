"""An Airflow that is not root, and cannot signal its runners: the supervisor ends them on their
side.

The task's process may do what the rule for sudo would let it do, and nothing more: become another
user. `setpriv` gives it that right, and plays sudo's part.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from isthmus_contracts.protocol import RunRequest, encode

pytestmark = pytest.mark.slow


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path
    staging: Path
    user: str
    python: str
    request: RunRequest

    def command(self, text: str) -> tuple[str, ...]: ...


Eventually = Callable[[Callable[[], object]], None]
AIRFLOW = "daemon"
# Without the library of the tests' own Python, which may lie in somebody's home.
PATH = [entry for entry in sys.path if "site-packages" in entry or entry.endswith("/src")]
RIGHTS = "+setuid,+setgid"
SUDO = """#!/bin/sh
# sudo -n -u USER -- COMMAND...
[ -n "$LANG" ] || exit 139  # so does sudo 1.9.16 without any environment
user=$3; shift 4
exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups \\
  --inh-caps -all --ambient-caps -all -- "$@"
"""
TASK = """
import os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from isthmus_contracts.protocol import decode_request
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import PlatformError
from isthmus_contracts import Identity
from isthmus_platform.runners import launch_runner
from isthmus_platform.runners.confinement import landlock
from isthmus_platform.runners.unix_user import find_user
from isthmus_platform.runners.workspace import workspace
from isthmus_platform.runs import RunRecord
if {without_landlock!r}:
    landlock.version = lambda: 0
runner = Runner({command!r}, {home!r}, user={user!r}, disk_limit_megabytes={limit!r})
request = decode_request({request!r})
log = lambda line: print(line, flush=True)
attempt = RunRecord(Path({runs!r}), Identity("days", 1), "run").attempt("transform", 1)
try:
    with workspace(attempt, find_user({user!r})) as own:
        process = launch_runner(runner, request.dataflow, Path(request.staging), own.scratch)
        process.start(log)
        print(type(process.run(request, lambda _: None)).__name__)
        for path in Path(request.staging).iterdir():
            print(path.name, path.read_text().strip())
            path.unlink()
except PlatformError as error:
    print(error)
print("left" if attempt.work.exists() else "removed")
"""
DAEMON = """
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with open(FOLDER + "/home/pids", "a") as file:
                file.write(f"{os.getpid()}\\n")
            os.closerange(0, 3)
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not os.path.exists(FOLDER + "/home/pids") or not os.path.getsize(FOLDER + "/home/pids"):
        time.sleep(0.01)
"""


@pytest.fixture
def shared(other_side: Battlefield) -> Battlefield:
    """Give the place to an Airflow that is not root, and have it in its runner's group."""
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv, which plays sudo's part")
    command = f"import sys; sys.path[:0] = {PATH!r}; import isthmus_platform.runners"
    done = subprocess.run([other_side.python, "-I", "-c", command], user=AIRFLOW, check=False)
    if done.returncode != 0:
        pytest.skip(f"the user {AIRFLOW!r} may not read this environment")
    airflow = pwd.getpwnam(AIRFLOW)
    for path in (other_side.folder, *other_side.folder.rglob("*")):
        os.chown(path, airflow.pw_uid, airflow.pw_gid)
    (other_side.folder / "sudo").write_text(SUDO)
    (other_side.folder / "sudo").chmod(0o755)
    return other_side


@contextmanager
def task(
    field: Battlefield, text: str, limit: int | None = None, *, without_landlock: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Run these lines of Python as a runner, from a task of an Airflow that is not root."""
    script = TASK.format(
        path=PATH,
        command=field.command(text),
        home=str(field.folder / "home"),
        runs=str(field.folder / "runs"),
        limit=limit,
        user=field.user,
        request=encode(field.request),
        without_landlock=without_landlock,
    )
    group = str(pwd.getpwnam(field.user).pw_gid)
    rights = ["--groups", group, "--inh-caps", RIGHTS, "--ambient-caps", RIGHTS]
    who = ["--reuid", AIRFLOW, "--regid", str(pwd.getpwnam(AIRFLOW).pw_gid)]
    path = f"{field.folder}:{os.environ['PATH']}"
    with subprocess.Popen(
        ["setpriv", *who, *rights, "--", field.python, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        yield process


def alive(field: Battlefield) -> list[int]:
    """Return which of the processes that the runner wrote down still run."""
    pids = list(map(int, (field.folder / "home" / "pids").read_text().split()))
    assert pids
    return [pid for pid in pids if runs(pid)]


def runs(pid: int) -> bool:
    """Say whether a process runs; an orphan that has ended may wait to be buried."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_an_unprivileged_airflow_shares_can_be_used_by_both(shared: Battlefield) -> None:
    text = "open(STAGING + '/days', 'w').write(f'{os.getuid()}'); print(RESULT)"
    with task(shared, text) as process:
        said, _ = process.communicate(timeout=30)
    assert said.split("\n")[:2] == ["RunResult", f"days {pwd.getpwnam(shared.user).pw_uid}"]
    assert shared.staging.stat().st_mode & 0o7777 == 0o2770
    assert list(shared.staging.iterdir()) == []


def test_an_unprivileged_airflow_cannot_signal_its_runner_and_the_supervisor_ends_it(
    shared: Battlefield, eventually: Eventually
) -> None:
    text = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ndaemon()\n"
        "with open(FOLDER + '/home/pids', 'a') as file: file.write(f'{os.getpid()}\\n')\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "import re\nre.match('(a+)+b', 'a' * 100)"
    )
    with task(shared, DAEMON + text) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(alive(shared)) == 2
        denied = ["setpriv", "--reuid", AIRFLOW, "--clear-groups", "kill", str(alive(shared)[0])]
        assert subprocess.run(denied, capture_output=True, check=False).returncode != 0
        process.kill()
        eventually(lambda: alive(shared) == [])


def test_a_runner_that_kills_an_unprivileged_supervisor_is_ended_from_its_side(
    shared: Battlefield,
) -> None:
    text = "daemon()\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)"
    with task(shared, DAEMON + text, without_landlock=True) as process:
        said, _ = process.communicate(timeout=60)
    assert "the runner was ended by signal 9 and sent no result" in said
    assert alive(shared) == []


# A task's own code between TASK's lines: the runner writes in an attempt's workspace.
PRIVATE = """
import tempfile
folder = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
for number in range({megabytes}):
    with open(folder + f"/{{number}}", "wb") as file: file.write(bytes(1_000_000))
os.chmod(folder, {mode})
time.sleep({seconds})
print(RESULT)
"""


@pytest.mark.parametrize(
    ("mode", "megabytes", "said"),
    [
        ("0o700", 1, "RunResult"),
        ("0o700", 54, "the runner wrote more than 10 MB"),
        ("0", 1, "what the runner wrote cannot be measured"),
    ],
    ids=["small", "large", "cannot be listed"],
)
def test_a_private_directory_of_the_runner_is_measured_and_removed(
    shared: Battlefield, mode: str, megabytes: int, said: str
) -> None:
    text = PRIVATE.format(mode=mode, megabytes=megabytes, seconds=5 if megabytes > 10 else 0)
    with task(shared, text, limit=10) as process:
        printed, _ = process.communicate(timeout=60)
    assert printed.startswith(said), printed
    assert printed.endswith("removed\n")
    assert not list((shared.folder / "runs" / "work").rglob("0"))


def test_an_unprivileged_airflow_without_sudo_is_refused(shared: Battlefield) -> None:
    (shared.folder / "sudo").unlink()
    with task(shared, "print(RESULT)") as process:
        said, _ = process.communicate(timeout=30)
    assert "which cannot switch to it: there is no sudo" in said
