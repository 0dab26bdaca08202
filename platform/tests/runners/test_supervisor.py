"""The supervisor alone: a script that needs nothing but Python."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from isthmus_platform.runners.unix_user import SUPERVISOR

pytestmark = pytest.mark.slow


def supervisor(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a supervisor that waits for its spec."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(SUPERVISOR), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def answer(process: subprocess.Popen[bytes], data: bytes) -> bytes:
    """Send a spec, and return the output; standard input stays open, as in a task."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(data)
    process.stdin.flush()
    output = process.stdout.read()
    process.wait(20)
    return output


def spec(*command: str) -> bytes:
    """Return the spec that runs a command."""
    nobody = {"user": None, "group": None, "groups": None}
    rest = {"environment": {}, "directory": "/", "umask": -1, "file_bytes": None, "access": None}
    return json.dumps({"command": command, **nobody, **rest}).encode() + b"\n"


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(SUPERVISOR.read_text())
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("status", [0, 1, 5, 127])
def test_its_status_is_the_runners(status: int) -> None:
    with supervisor("run") as process:
        assert answer(process, spec("/bin/sh", "-c", f"exit {status}")) == b""
    assert process.returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_it_ends_by_the_runners_signal(number: signal.Signals) -> None:
    with supervisor("run") as process:
        answer(process, spec("/bin/sh", "-c", f"kill -{number.value} $$; sleep 60"))
    assert process.returncode == -number


def test_the_rest_of_its_input_is_the_runners_however_long() -> None:
    line = b"x" * 3_000_000
    with supervisor("run") as process:
        output = answer(process, spec("/bin/sh", "-c", "head -c 3000000 | wc -c") + line)
    assert output.split() == [b"3000000"]
    assert process.returncode == 0


def test_a_command_that_cannot_be_run_is_reported() -> None:
    with supervisor("run") as process:
        output = answer(process, spec("/no/such/program"))
    assert json.loads(output) == {"supervisor": "No such file or directory"}


def test_a_platform_that_goes_away_at_once_leaves_nothing() -> None:
    with supervisor("run") as process:
        assert process.communicate(b'{"comm', 10) == (b"", b"")
    assert process.returncode == 0


def test_signals_do_not_end_it_before_its_runner() -> None:
    with supervisor("run") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(spec("/bin/sh", "-c", "trap 'exit 3' TERM; echo; sleep 60 & wait"))
        process.stdin.flush()
        process.stdout.readline()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
        time.sleep(0.2)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(10) == 3


HIDDEN = """
import ctypes, os, signal, threading, time
inward, outward = os.pipe()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(600,)).start()
    print(os.getpid(), flush=True)
    os.close(outward)
    os.close(1)
    ctypes.PyDLL(None).pthread_exit(None)
os.close(outward)
os.read(inward, 1)
time.sleep(0.3)
"""


def test_a_process_whose_first_thread_has_ended_is_ended() -> None:
    with supervisor("run") as process:
        output = answer(process, spec(sys.executable, "-c", HIDDEN))
    with suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(output)).num_threads() <= 1


def test_it_kills_processes_and_their_children() -> None:
    command = ["/bin/sh", "-c", "trap '' TERM; sleep 600 & echo; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as victim:
        assert victim.stdout is not None
        victim.stdout.readline()
        (child,) = psutil.Process(victim.pid).children()
        with supervisor("kill", str(victim.pid)) as process:
            assert process.wait(10) == 0
        assert victim.wait(10) == -signal.SIGKILL
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_killing_a_process_that_has_ended_is_not_an_error() -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait()
    with supervisor("kill", str(gone.pid)) as process:
        assert process.communicate(timeout=10) == (b"", b"")
    assert process.returncode == 0
