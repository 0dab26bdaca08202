from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, Interval
from isthmus_contracts.protocol import (
    EngineProfile,
    Graph,
    NodeFailed,
    NodeStarted,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
    decode_answer,
    encode,
    wire,
)
from isthmus_contracts.testing.conformance import (
    CHECKS,
    Subject,
    it_answers_in_the_version_it_is_asked_in,
    it_states_its_capabilities,
    run,
)
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, STATION_DAYS
from isthmus_transforms.runtime.frames.types import arrow_schema

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parent / "dataflow_samples"
RUNNER = (sys.executable, str(SAMPLES / "sample_runner.py"))


# matplotlib keeps in the home which fonts there are; looking for them takes seconds.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": str(Path.home())}


def _values(column: Column, origins: list[str], days: pd.DatetimeIndex) -> list[object]:
    if column.name == "date":
        return [day.date() for day in days]
    if column.choices:
        return list(origins)
    plain: dict[str, object] = {"string": "UA", "bool": False, "float64": 5.0, "int64": 5}
    return [plain[column.type]] * len(days)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table of parcel features that keeps its contract: a day for each airport."""
    (contract,) = STATION_DAYS.inputs
    days = pd.date_range("2013-01-01", periods=6)
    origins = ["EWR", "JFK", "LGA"] * 2
    columns = {column.name: _values(column, origins, days) for column in contract.table.columns}
    path = tmp_path_factory.mktemp("inputs") / "parcel_features.parquet"
    pq.write_table(pa.table(columns, schema=arrow_schema(contract.table)), path)
    return path


@pytest.fixture
def subject(tmp_path: Path, features: Path) -> Subject:
    staging = tmp_path / "staging"
    staging.mkdir()
    request = RunRequest(
        identity=RunIdentity("manual__1", "transform", 1),
        dataflow=str(STATION_DAYS.identity),
        contract_version=STATION_DAYS.version,
        targets=tuple(output.name for output in STATION_DAYS.outputs),
        params={},
        inputs={"parcel_features": (str(features),)},
        staging=str(staging),
        engine=EngineProfile("sequential", {}),
    )
    return Subject(RUNNER, request, ENVIRONMENT, timeout=60)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_runner_conforms(check: Callable[[Subject], None], subject: Subject) -> None:
    check(subject)


def test_the_runner_loads_the_dataflow_before_the_request(subject: Subject) -> None:
    variables = {"ISTHMUS_DATAFLOW": "station_days.v1", "PYTHONPROFILEIMPORTTIME": "1"}
    with subprocess.Popen(
        subject.command,
        env={**subject.environment, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr is not None
        impatience = threading.Timer(60, process.kill)
        impatience.start()
        loaded = any(line.rstrip().endswith(" station_days") for line in process.stderr)
        impatience.cancel()
        assert loaded
        assert process.stdin is not None
        process.stdin.write(encode(subject.request) + "\n")
        process.stdin.flush()
        reading = threading.Thread(target=process.stderr.read)
        reading.start()
        assert process.stdout is not None
        answers = [decode_answer(line) for line in process.stdout]
        reading.join()
    assert isinstance(answers[-1], RunResult)


@pytest.mark.parametrize("name", ["courier_days.v1", "parcel_delays.v1", "pracel_delays.v1", ""])
def test_the_request_decides_what_is_computed(subject: Subject, name: str) -> None:
    environment = {**subject.environment, "ISTHMUS_DATAFLOW": name}
    transcript = run(replace(subject, environment=environment))
    assert isinstance(transcript.answers[-1], RunResult), transcript.log
    assert transcript.answers[-1].dataflow == "station_days.v1"


@pytest.fixture
def months(subject: Subject) -> Subject:
    request = replace(
        subject.request,
        dataflow=str(COURIER_DAYS.identity),
        targets=("courier_days",),
        interval=Interval(date(2013, 1, 1), date(2013, 3, 1)),
    )
    return replace(subject, request=request)


LATER_RUNNER = """
from isthmus_contracts.protocol import wire

wire.VERSION, wire.ACCEPTED = 2, (1, 2)
import sample_runner

sample_runner.runner.main()
"""


def test_the_runner_answers_in_the_version_before_its_own(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "VERSION", 2)
    monkeypatch.setattr(wire, "ACCEPTED", (1, 2))
    program = tmp_path / "later_runner.py"
    program.write_text(LATER_RUNNER, encoding="utf-8")
    environment = {**subject.environment, "PYTHONPATH": str(SAMPLES)}
    command = (sys.executable, str(program))
    later = replace(subject, command=command, environment=environment)
    it_answers_in_the_version_it_is_asked_in(later)
    it_states_its_capabilities(later)
    with pytest.raises(AssertionError, match=r"asked in 2, it answers in \{1\}"):
        it_answers_in_the_version_it_is_asked_in(subject)


OF_PARTITIONS = [
    check for check in CHECKS if re.search("partition|interval|version|files", check.__name__)
]


@pytest.mark.parametrize("check", OF_PARTITIONS, ids=lambda check: check.__name__)
def test_the_runner_conforms_with_partitions(
    check: Callable[[Subject], None], months: Subject
) -> None:
    check(months)


@pytest.fixture
def trouble(tmp_path: Path) -> Callable[[str], Subject]:
    """Return a function that asks the troublesome dataflow for one of its outputs."""

    def make(target: str) -> Subject:
        identity = RunIdentity("manual__1", "transform", 1)
        engine = EngineProfile("sequential", {})
        request = RunRequest(
            identity, "troublesome", "1.0.0", (target,), {}, {}, str(tmp_path), engine
        )
        return Subject(RUNNER, request, ENVIRONMENT, timeout=60)

    return make


def test_what_a_function_prints_goes_to_the_log(trouble: Callable[[str], Subject]) -> None:
    transcript = run(trouble("printing"))
    assert isinstance(transcript.answers[-1], RunResult)
    assert transcript.status == 0
    said = sorted(transcript.log.splitlines())
    assert said == ["echoed", "printed", "written", "written below"]


def test_a_function_reads_nothing_from_standard_input(
    trouble: Callable[[str], Subject], tmp_path: Path
) -> None:
    assert run(trouble("asking")).status == 0
    assert (tmp_path / "asking.txt").read_text() == "heard ''"


def test_garbage_is_collected_while_functions_run(
    trouble: Callable[[str], Subject], tmp_path: Path
) -> None:
    assert run(trouble("collecting")).status == 0
    assert (tmp_path / "collecting.txt").read_text() == "True True"


def test_a_function_that_raises_ends_the_runner_with_status_1(
    trouble: Callable[[str], Subject],
) -> None:
    transcript = run(trouble("raising"))
    assert transcript.status == 1
    *_, failed, failure = transcript.answers
    assert isinstance(failed, NodeFailed)
    assert isinstance(failure, RunFailure)
    assert failure.message == "ZeroDivisionError: division by zero"
    assert failure.file == "troublesome.py"
    files = re.findall(r'File "(.*)", line', failure.traceback or "")
    assert files == [str(SAMPLES / "troublesome.py")]
    assert transcript.log == ""


def test_a_function_that_exits_the_process_sends_no_result(
    trouble: Callable[[str], Subject],
) -> None:
    transcript = run(trouble("leaving"))
    *_, failed, failure = transcript.answers
    assert isinstance(failed, NodeFailed)
    assert isinstance(failure, RunFailure)
    assert failure.node == "leaving"
    assert failure.message.startswith("SystemExit: ")
    assert transcript.status == 1


def test_an_error_of_the_runner_ends_it_with_status_3(subject: Subject) -> None:
    Path(subject.request.staging).rmdir()
    transcript = run(subject)
    assert transcript.status == 3
    failure = transcript.answers[-1]
    assert isinstance(failure, RunFailure)
    assert failure.kind == "runner"
    assert failure.message.startswith("FileNotFoundError: ")


def test_an_unreadable_request_ends_the_runner_with_status_2(subject: Subject) -> None:
    assert run(subject, '{"protocol": 99}').status == 2


Started = tuple[subprocess.Popen[str], int]


@pytest.fixture
def started(trouble: Callable[[str], Subject]) -> Iterator[Callable[..., Started]]:
    """Return a function that starts a run that lasts, and returns its process and its child."""
    processes: list[subprocess.Popen[str]] = []

    def start(*, session: bool) -> Started:
        subject = trouble("lasting")
        process = subprocess.Popen(
            subject.command,
            env=dict(subject.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=session,
        )
        processes.append(process)
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(encode(subject.request) + "\n")
        process.stdin.flush()
        child = int(process.stderr.readline().removeprefix("child "))
        children.append(child)
        return process, child

    children: list[int] = []
    yield start
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _is_alive(pid: int) -> bool:
    """Say whether the process runs; one that only waits to be buried does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@needs_proc
def test_the_runner_and_its_children_end_when_the_platform_does(
    started: Callable[..., Started],
) -> None:
    process, child = started(session=True)
    assert _is_alive(child)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(child)


def test_the_runner_does_not_kill_a_session_that_it_does_not_lead(
    started: Callable[..., Started],
) -> None:
    process, _ = started(session=False)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 4


def test_the_runner_ends_on_a_signal(started: Callable[..., Started]) -> None:
    process, _ = started(session=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def test_events_before_a_stop_are_sent(started: Callable[..., Started]) -> None:
    process, _ = started(session=True)
    time.sleep(0.5)  # what quick nodes say is sent together
    process.terminate()
    assert process.stdout is not None
    graph, node = (decode_answer(process.stdout.readline()) for _ in range(2))
    assert isinstance(graph, Graph)
    assert isinstance(node, NodeStarted)
    assert node.node == "lasting"


def test_closed_standard_input_without_a_request_ends_the_runner(subject: Subject) -> None:
    process = subprocess.run(
        subject.command,
        env=dict(subject.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert process.returncode in (2, 4)
    assert b'"result"' not in process.stdout
