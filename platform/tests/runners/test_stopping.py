"""Nothing that a runner started outlives its task, however it tries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from isthmus_contracts.protocol import Answer, RunFailure, RunRequest, RunResult, encode
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners import RunnerProcess

pytestmark = pytest.mark.slow


class Bench(Protocol):
    """A directory to start runners in, as the fixture gives it."""

    folder: Path
    answers: list[Answer]
    log: list[str]
    request: RunRequest
    result: RunResult

    def command(self, *options: str) -> list[str]: ...
    def process(self, *command: str) -> RunnerProcess: ...
    def run(self, process: RunnerProcess) -> RunResult | RunFailure: ...
    def script(self, text: str) -> RunnerProcess: ...
    def stand_in(self, *options: str) -> RunnerProcess: ...


OBSTINATE = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = [sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(600)"]
subprocess.Popen(child, start_new_session=True, stdout=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
print("ready", file=sys.stderr, flush=True)
time.sleep(600)
"""


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition is still false after 20 seconds"
        time.sleep(0.02)


def test_stopping_ends_everything_that_a_runner_started(bench: Bench) -> None:
    process = bench.script(OBSTINATE)
    seconds: list[float] = []

    def stop() -> None:
        eventually(lambda: "ready" in bench.log)
        begin = time.monotonic()
        process.stop()
        seconds.append(time.monotonic() - begin)

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(RunnerError, match="it was stopped from outside"):
        bench.run(process)
    stopper.join()
    assert seconds[0] < 5


def test_stopping_works_from_a_signal_handler(bench: Bench) -> None:
    process = bench.stand_in("--fault", "hanging")
    before = signal.signal(signal.SIGUSR1, lambda *_: process.stop())

    def interrupt() -> None:
        eventually(lambda: len(bench.answers) == 2)  # now it hangs, and we wait for its next line
        os.kill(os.getpid(), signal.SIGUSR1)

    alarm = threading.Thread(target=interrupt)
    alarm.start()
    try:
        with pytest.raises(RunnerError, match="sent no result; it was stopped from outside"):
            bench.run(process)
    finally:
        alarm.join()
        signal.signal(signal.SIGUSR1, before)


def test_a_runner_ends_when_whoever_would_stop_it_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def orphan() -> None:
        eventually(lambda: "ready" in bench.log)
        monkeypatch.setattr(os, "getppid", lambda: 1)

    killer = threading.Thread(target=orphan)
    killer.start()
    with pytest.raises(RunnerError, match="it was stopped from outside"):
        bench.run(bench.script(OBSTINATE))
    killer.join()


def test_a_descendant_that_outlives_the_result_is_stopped(bench: Bench) -> None:
    text = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "null = subprocess.DEVNULL\n"
        "subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null)\n"
        f"print({encode(bench.result)!r})"
    )
    assert bench.run(bench.script(text)) == bench.result


def test_an_exception_while_listening_stops_the_runner(bench: Bench) -> None:
    def refuse(_answer: Answer) -> None:
        raise KeyboardInterrupt

    process = bench.stand_in("--fault", "hanging")
    process.start(bench.log.append)
    with pytest.raises(KeyboardInterrupt):
        process.run(bench.request, refuse)


def test_a_runner_without_a_request_ends_when_it_is_closed(bench: Bench) -> None:
    process = bench.script("import time\nprint('waits', flush=True)\ntime.sleep(600)")
    process.start(bench.log.append)
    process.close()
    process.close()


FORKING = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        while True:
            if os.fork() != 0:
                os._exit(0)
            time.sleep(0.002)
print({result!r}, flush=True)
os._exit(0)
"""


def test_nothing_forks_away_from_being_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They hold its standard output open, so that it has not ended by itself.
    monkeypatch.setattr("isthmus_platform.runners.process._EXIT_SECONDS", 0.5)
    try:
        assert bench.run(bench.script(FORKING.format(result=encode(bench.result)))) == bench.result
    except RunnerError as error:
        pytest.fail(str(error))


def test_a_runner_that_lingers_after_its_result_is_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus_platform.runners.process._EXIT_SECONDS", 0.5)
    text = f"import time\nprint({encode(bench.result)!r}, flush=True)\ntime.sleep(60)"
    with pytest.raises(RunnerError, match="the runner was ended by signal 15 after it sent a"):
        bench.run(bench.script(text))


def test_processes_that_others_started_meanwhile_go_on(bench: Bench) -> None:
    process = bench.script("import time; time.sleep(0.3)")
    with closing(process):
        process.start(bench.log.append)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            with pytest.raises(RunnerError, match="the runner exited with 0 and sent no result"):
                process.run(bench.request, bench.answers.append)
            assert other.poll() is None
            other.communicate(b"go on")
        assert other.returncode == 0


SUPERVISOR = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from isthmus_contracts.protocol import decode_request
from isthmus_platform.runners import RunnerProcess
process = RunnerProcess({command!r}, {{}}, Path({folder!r}), Path({folder!r}))
on_answer = lambda answer: print("answered", flush=True)
process.start(print)
process.run(decode_request({request!r}), on_answer)
"""


def test_a_runner_ends_when_its_supervisor_is_killed(bench: Bench) -> None:
    command = bench.command("--fault", "hanging")
    text = SUPERVISOR.format(
        path=sys.path, command=command, folder=str(bench.folder), request=encode(bench.request)
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"answered\n"
        family = psutil.Process(supervisor.pid)
        eventually(
            lambda: len(family.children(recursive=True)) == 3
        )  # and its supervisor and child
        started = family.children(recursive=True)
        supervisor.kill()
        _, alive = psutil.wait_procs(started, timeout=5)
    assert alive == []
