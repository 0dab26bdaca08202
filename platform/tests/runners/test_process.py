"""The exchange between the platform and a runner, and the message for each mistake."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts.protocol import (
    Answer,
    Graph,
    RunFailure,
    RunRequest,
    RunResult,
    encode,
)
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


def test_a_sound_runner_gives_its_result(bench: Bench) -> None:
    result = bench.run(bench.stand_in())
    assert isinstance(result, RunResult)
    assert [output.name for output in result.outputs] == ["days", "delay_calendar"]
    assert isinstance(bench.answers[0], Graph)
    assert bench.answers[-1] == result


def test_a_failure_is_returned_as_it_was_sent(bench: Bench) -> None:
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
def test_a_fault_is_reported_in_one_sentence(bench: Bench, fault: str, message: str) -> None:
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


def test_a_command_that_is_not_a_program(bench: Bench) -> None:
    (bench.folder / "notes.txt").write_text("not executable")
    for path in (bench.folder / "notes.txt", bench.folder):
        with pytest.raises(RunnerError, match="is not a program that can be run; see `command` in"):
            bench.run(bench.process(str(path)))


def test_a_command_is_found_from_where_the_platform_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "here").mkdir()
    program = bench.folder / "here" / "runner"
    program.write_text("#!/bin/sh\nexit 5\n")
    program.chmod(0o755)
    monkeypatch.chdir(bench.folder / "here")
    with pytest.raises(RunnerError, match="the runner exited with 5 and sent no result"):
        bench.run(bench.process("./runner"))


def test_a_runner_that_is_killed(bench: Bench) -> None:
    with pytest.raises(RunnerError, match=r"was ended by signal 9 and sent no result$"):
        bench.run(bench.script("import os; os.kill(os.getpid(), 9)"))


def test_a_runner_that_closes_its_output_and_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus_platform.runners.process._EXIT_SECONDS", 0.3)
    with pytest.raises(RunnerError, match=r"closed its standard output and did not exit in 0.3 s"):
        bench.run(bench.script("import os, time; os.close(1); time.sleep(600)"))


def test_a_process_that_was_never_started_can_be_stopped(bench: Bench) -> None:
    bench.stand_in().stop()


@pytest.mark.parametrize(
    "line",
    [
        '{"protocol": 2, "type": "result"}',
        '{"protocol": 1, "type": "request"}',
        '{"protocol": 1, "type": "node_started", "at": 1.0, "node": "a", "colour": "red"}',
        "\udcff",
        "[" * 100_000,
        "",
    ],
)
def test_a_line_that_is_not_an_answer_is_refused(bench: Bench, line: str) -> None:
    content = line.encode("utf-8", "surrogateescape")
    with pytest.raises(RunnerError, match=r"^the runner broke the protocol: [mN]") as refusal:
        bench.run(bench.script(f"import sys; sys.stdout.buffer.write({content!r} + b'\\n')"))
    assert len(str(refusal.value)) < 500


def test_a_runner_that_goes_on_after_its_result(bench: Bench) -> None:
    with pytest.raises(RunnerError, match="the runner sent more after its result or failure"):
        bench.run(bench.script(f"print({encode(bench.result)!r})\nprint({encode(bench.result)!r})"))


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
        "names = sorted(int(name) for name in os.listdir('/proc/self/fd'))\n"
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


def test_a_long_line_of_log_comes_in_parts(bench: Bench) -> None:
    with pytest.raises(RunnerError, match="sent no result"):
        bench.run(bench.script("import sys\nsys.stderr.write('x' * 200_000)"))
    assert max(map(len, bench.log)) <= 65_536
    assert sum(map(len, bench.log)) == 200_000
