from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from isthmus_contracts.protocol import (
    Answer,
    EngineProfile,
    Graph,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners import RunnerProcess

STAND_IN = (sys.executable, "-m", "isthmus_contracts.testing.runner", "--outputs")
OUTPUTS = {"days.parquet": b"rows", "delay_calendar.png": b"picture"}


@dataclass
class Bench:
    """A place to start runners in, and what they said."""

    folder: Path
    answers: list[Answer] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def request(self) -> RunRequest:
        """Return a request that the stand-in runner can fulfil."""
        return RunRequest(
            identity=RunIdentity("manual__1", "transform", 1),
            dataflow="airport_days.v1",
            contract_version="1.0.0",
            targets=("days", "delay_calendar"),
            params={},
            inputs={"flight_features": ()},
            spool=str(self.folder / "spool"),
            engine=EngineProfile("sequential", {}),
        )

    def process(self, *command: str) -> RunnerProcess:
        """Return a runner that was not started yet."""
        environment = {"PATH": os.environ["PATH"]}
        return RunnerProcess(command, environment, self.folder)

    def run(self, process: RunnerProcess) -> RunResult | RunFailure:
        """Run the request."""
        return process.run(self.request, self.answers.append, self.log.append)

    def script(self, text: str) -> RunnerProcess:
        """Return a runner that is a few lines of Python."""
        return self.process(sys.executable, "-c", text)

    def stand_in(self, *options: str) -> RunnerProcess:
        """Return the runner of the conformance kit."""
        return self.process(*STAND_IN, str(self.folder / "outputs"), *options)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    for name in ("spool", "outputs"):
        (tmp_path / name).mkdir()
    for name, content in OUTPUTS.items():
        (tmp_path / "outputs" / name).write_bytes(content)
    before = psutil.Process().children(recursive=True)
    yield Bench(tmp_path)
    left = [each for each in psutil.Process().children(recursive=True) if each not in before]
    assert psutil.wait_procs(left, timeout=5)[1] == []


def test_a_sound_runner_gives_its_result(bench: Bench) -> None:
    result = bench.run(bench.stand_in())
    assert isinstance(result, RunResult)
    assert [each.name for each in result.outputs] == ["days", "delay_calendar"]
    assert isinstance(bench.answers[0], Graph)
    assert bench.answers[-1] == result


def test_a_failure_is_returned_as_it_was_told(bench: Bench) -> None:
    failure = bench.run(bench.stand_in("--fault", "raising"))
    assert isinstance(failure, RunFailure)
    assert failure.kind == "dataflow"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("silent", "the runner exited with 0 and sent no result"),
        ("garbage", "the runner broke the protocol: message: not a JSON object: 'Traceback"),
        ("crash", "the runner exited with 7 and sent no result"),
        ("late-exit", "the runner exited with 3 after it sent a result"),
        ("other-run", "the runner answered for "),
    ],
)
def test_a_fault_is_told_in_one_sentence(bench: Bench, fault: str, message: str) -> None:
    with pytest.raises(RunnerError, match=message):
        bench.run(bench.stand_in("--fault", fault))


def test_a_command_that_does_not_exist(bench: Bench) -> None:
    with pytest.raises(RunnerError, match="the runner's command 'no-such-runner' does not exist"):
        bench.run(bench.process("no-such-runner"))


def test_a_command_that_cannot_be_run(bench: Bench) -> None:
    broken = bench.folder / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(RunnerError, match="cannot be run: No such file"):
        bench.run(bench.process(str(broken)))


def test_a_runner_that_goes_on_after_its_result(bench: Bench) -> None:
    result = RunResult(bench.request.identity, "airport_days.v1", "1.0.0", "x", ())
    with pytest.raises(RunnerError, match="the runner went on after its end"):
        bench.run(bench.script(f"print({encode(result)!r})\nprint({encode(result)!r})"))


def test_a_line_that_never_ends_is_refused(bench: Bench) -> None:
    with pytest.raises(RunnerError, match="the runner broke the protocol"):
        bench.run(bench.script("import sys\nwhile True: sys.stdout.write('x' * 65536)"))


def test_standard_error_is_log(bench: Bench) -> None:
    text = "import sys\nsys.stderr.write('one\\ntwo\\n\\xff')"
    with pytest.raises(RunnerError, match="sent no result"):
        bench.run(bench.script(text))
    assert bench.log[:2] == ["one", "two"]


def test_a_runner_has_three_descriptors_and_no_more(bench: Bench) -> None:
    text = (
        "import os, stat, sys\n"
        "names = sorted(int(each) for each in os.listdir('/proc/self/fd'))\n"
        "pipe = stat.S_ISFIFO(os.fstat(0).st_mode)\n"
        "print(names[:-1], pipe, file=sys.stderr)"
    )
    secret = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with pytest.raises(RunnerError):
            bench.run(bench.script(text))
    finally:
        os.close(secret)
    assert bench.log == ["[0, 1, 2] True"]


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


def wait_for(bench: Bench, line: str) -> None:
    deadline = time.monotonic() + 20
    while line not in bench.log:
        assert time.monotonic() < deadline, bench.log
        time.sleep(0.02)


def test_stopping_ends_everything_that_a_runner_started(bench: Bench) -> None:
    process = bench.script(OBSTINATE)
    seconds: list[float] = []

    def stop() -> None:
        wait_for(bench, "ready")
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
    alarm = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGUSR1))
    alarm.start()
    try:
        with pytest.raises(RunnerError, match="sent no result; it was stopped from outside"):
            bench.run(process)
    finally:
        alarm.join()
        signal.signal(signal.SIGUSR1, before)


def test_a_descendant_that_outlives_the_result_is_stopped(bench: Bench) -> None:
    result = RunResult(bench.request.identity, "airport_days.v1", "1.0.0", "x", ())
    text = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "null = subprocess.DEVNULL\n"
        "subprocess.Popen(command, start_new_session=True, stdin=null, stdout=null, stderr=null)\n"
        f"print({encode(result)!r})"
    )
    assert bench.run(bench.script(text)) == result


def test_an_exception_while_listening_stops_the_runner(bench: Bench) -> None:
    def refuse(_answer: Answer) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.stand_in("--fault", "hanging").run(bench.request, refuse, bench.log.append)


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


def test_nothing_forks_away_from_being_stopped(bench: Bench) -> None:
    result = RunResult(bench.request.identity, "airport_days.v1", "1.0.0", "x", ())
    try:
        assert bench.run(bench.script(FORKING.format(result=encode(result)))) == result
    except RunnerError as error:
        pytest.fail(str(error))


def test_a_runner_that_lingers_after_its_result_is_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus_platform.runners.process._EXIT_SECONDS", 0.5)
    result = RunResult(bench.request.identity, "airport_days.v1", "1.0.0", "x", ())
    with pytest.raises(RunnerError, match="the runner was ended by signal 15 after it sent a"):
        bench.run(
            bench.script(f"print({encode(result)!r}, flush=True)\nimport time\ntime.sleep(60)")
        )


def test_a_long_line_of_log_comes_in_parts(bench: Bench) -> None:
    with pytest.raises(RunnerError, match="sent no result"):
        bench.run(bench.script("import sys\nsys.stderr.write('x' * 200_000)"))
    assert max(map(len, bench.log)) <= 65_536
    assert sum(map(len, bench.log)) == 200_000


SUPERVISOR = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from isthmus_contracts.protocol import decode_request
from isthmus_platform.runners import RunnerProcess
process = RunnerProcess({command!r}, {{}}, Path({folder!r}))
hear = lambda answer: print("heard", flush=True)
process.run(decode_request({request!r}), hear, print)
"""


def test_a_runner_ends_when_its_supervisor_is_killed(bench: Bench) -> None:
    command = [*STAND_IN, str(bench.folder / "outputs"), "--fault", "hanging"]
    text = SUPERVISOR.format(
        path=sys.path, command=command, folder=str(bench.folder), request=encode(bench.request)
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"heard\n"
        (runner,) = psutil.Process(supervisor.pid).children()
        supervisor.kill()
        _, alive = psutil.wait_procs([runner], timeout=5)
    assert alive == []
