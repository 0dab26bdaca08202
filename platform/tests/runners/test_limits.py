from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from isthmus_contracts.protocol import RunRequest, RunResult
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners import RunnerProcess
from isthmus_platform.runners.limits import Limits

ALLOCATING = """
import subprocess, sys, time
if sys.argv[1:]:
    held = bytes(b"x" * int(sys.argv[1]))
    time.sleep(60)
sys.stdin.readline()
child = subprocess.Popen([sys.executable, "-c", open(__file__).read(), "300000000"])
time.sleep(60)
"""


class Bench(Protocol):
    """A directory to start runners in, as the fixture gives it."""

    folder: Path
    request: RunRequest

    def run(self, process: RunnerProcess) -> RunResult: ...
    def command(self, *options: str) -> list[str]: ...


def runner(bench: Bench, limits: Limits, *command: str) -> RunnerProcess:
    scratch = bench.folder / "scratch"
    scratch.mkdir()
    environment = {"PATH": os.environ["PATH"]}
    return RunnerProcess(command, environment, scratch, bench.folder / "staging", limits=limits)


def test_a_runner_that_fills_its_staging_directory_before_its_request_is_ended(
    bench: Bench,
) -> None:
    filling = "import time; open('../staging/full', 'wb').write(bytes(200_000)); time.sleep(60)"
    process = runner(bench, Limits(disk=150_000), sys.executable, "-c", filling)
    with closing(process):
        before = psutil.Process().children()
        process.start(print)
        supervisor = [child for child in psutil.Process().children() if child not in before]
        assert psutil.wait_procs(supervisor, timeout=20)[1] == []
        with pytest.raises(RunnerError, match="the runner wrote more than 0 MB"):
            process.run(bench.request, print)


def test_a_runner_whose_child_uses_too_much_memory_is_ended(bench: Bench, tmp_path: Path) -> None:
    script = tmp_path / "allocating.py"
    script.write_text(ALLOCATING.replace("open(__file__).read()", f"open({str(script)!r}).read()"))
    process = runner(bench, Limits(memory=200_000_000), sys.executable, str(script))
    start = time.monotonic()
    with pytest.raises(RunnerError, match="used more than 200 MB of memory; `memory_megabytes` of"):
        bench.run(process)
    assert time.monotonic() - start < 30


def test_a_runner_within_its_limits_is_left_alone(bench: Bench) -> None:
    limits = Limits(disk=10_000_000, memory=2_000_000_000)
    assert isinstance(bench.run(runner(bench, limits, *bench.command())), RunResult)


def test_all_processes_count_together() -> None:
    me = psutil.Process()
    held = me.memory_info().rss
    assert Limits(memory=held * 3).memory_problem([me, me]) is None
    assert Limits(memory=int(held * 1.5)).memory_problem([me, me]) is not None
    assert Limits().memory_problem([me]) is None


def test_a_process_that_has_ended_uses_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        gone = psutil.Process(ended.pid)
    assert Limits(memory=1).memory_problem([gone]) is None


def test_files_count_in_all_directories(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(10_000))
    both = (tmp_path / "a", tmp_path / "b")
    assert Limits(disk=100_000).disk_problem(both, None) is None
    problem = Limits(disk=1_000).disk_problem(both, None)
    assert problem is not None
    assert "`disk_limit_megabytes`" in problem
