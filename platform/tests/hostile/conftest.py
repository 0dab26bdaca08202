from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from isthmus_contracts.protocol import (
    Answer,
    EngineProfile,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
    encode,
)
from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import RunnerError
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.encoder_process import EncoderProcess
from isthmus_platform.lake.layout import Lake
from isthmus_platform.runners import RunnerProcess, launch_runner
from isthmus_platform.runners.confinement import landlock, socket_filter
from isthmus_platform.storage import DiskStore

OTHER_USER = "nobody"


@dataclass(frozen=True)
class Outcome:
    """The outcome of an attack."""

    end: RunResult | RunFailure | None
    error: str
    log: list[str]
    answers: list[Answer]
    seconds: float

    @property
    def report(self) -> Mapping[str, object]:
        """Return the JSON in the last line of the attacker's log."""
        report: Mapping[str, object] = json.loads(self.log[-1])
        return report


@dataclass(frozen=True)
class Battlefield:
    """A state directory with secrets, and a place for a runner to attack from."""

    folder: Path
    user: str | None
    python: str
    peaks: list[int] = field(default_factory=list)  # bytes of memory, of processes that encode

    @property
    def state(self) -> Path:
        """Return the directory that holds what is Airflow's own, as `isthmus-platform` makes it."""
        return self.folder / "airflow"

    @property
    def lake(self) -> Lake:
        """Return the lake, which a runner may read."""
        return Lake(DiskStore(self.folder / "lake"))

    @property
    def staging(self) -> Path:
        """Return where outputs are staged."""
        return self.folder / "runs" / "staging"

    @property
    def request(self) -> RunRequest:
        """Return the request that the runner gets."""
        return RunRequest(
            identity=RunIdentity("manual__1", "transform", 1),
            dataflow="station_days.v1",
            contract_version=STATION_DAYS.version,
            targets=("days", "delay_calendar"),
            params={},
            inputs={"parcel_features": (str(self.folder / "lake" / "input.parquet"),)},
            staging=str(self.staging),
            engine=EngineProfile("sequential", {}),
        )

    def result(self, *paths: str) -> RunResult:
        """Return a result that names these paths as files of its outputs."""
        files = tuple(StagedFile(path, 4, "0" * 64) for path in paths)
        outputs = (
            StagedOutput("days", files),
            StagedOutput("delay_calendar", (StagedFile("calendar.png", 4, "0" * 64),)),
        )
        return RunResult(
            self.request.identity, "station_days.v1", STATION_DAYS.version, "x", outputs
        )

    def command(self, text: str) -> tuple[str, ...]:
        """Return the command of a runner that is a few lines of Python."""
        names = {
            "STATE": str(self.state),
            "FOLDER": str(self.folder),
            "STAGING": str(self.staging),
            "LAKE": str(self.folder / "lake"),
            "RESULT": encode(self.result()),
        }
        head = "import json, os, signal, subprocess, sys, threading, time\n"
        head += "".join(f"{name} = {value!r}\n" for name, value in names.items())
        return (self.python, "-I", "-c", head + text)

    def process(
        self, text: str, disk_limit_megabytes: int | None = None, network: tuple[int, ...] = ()
    ) -> RunnerProcess:
        """Return the runner, prepared as the transform task does."""
        runner = Runner(
            self.command(text),
            str(self.folder / "home"),
            user=self.user,
            disk_limit_megabytes=disk_limit_megabytes,
            network=network,
        )
        scratch, inputs = self.folder / "runs" / "scratch", [self.folder / "lake" / "inputs"]
        return launch_runner(runner, self.request.dataflow, self.staging, scratch, inputs=inputs)

    def attack(
        self, text: str, disk_limit_megabytes: int | None = None, network: tuple[int, ...] = ()
    ) -> Outcome:
        """Run these lines of Python as a runner."""
        log: list[str] = []
        answers: list[Answer] = []
        process = self.process(text, disk_limit_megabytes, network)
        end, error, start = None, "", time.monotonic()
        try:
            with closing(process):
                process.start(log.append)
                end = process.run(self.request, answers.append)
        except RunnerError as caught:
            error = str(caught)
        return Outcome(end, error, log, answers, time.monotonic() - start)

    def accepted(self, *paths: str) -> Accepted:
        """Accept a result that names these paths."""
        (self.staging / "calendar.png").write_bytes(b"\x89PNG")
        with EncoderProcess(512_000_000, self.folder) as encoder:
            return accept(STATION_DAYS, self.request, self.result(*paths), self.lake, encoder)

    def accepted_table(self, content: bytes) -> Accepted:
        """Accept a result whose table is this content, as it says truly."""
        shutil.rmtree(self.staging)
        self.staging.mkdir()
        files = {"days.arrows": content, "calendar.png": b"\x89PNG"}
        claims = []
        for name, data in files.items():
            (self.staging / name).write_bytes(data)
            claims.append(StagedFile(name, len(data), hashlib.sha256(data).hexdigest()))
        days, calendar = claims
        outputs = (StagedOutput("days", (days,)), StagedOutput("delay_calendar", (calendar,)))
        result = replace(self.result(), outputs=outputs)
        with EncoderProcess(512_000_000, self.folder) as encoder:
            try:
                return accept(STATION_DAYS, self.request, result, self.lake, encoder)
            finally:
                self.peaks.extend(map(_peak, psutil.Process().children()))


def _peak(process: psutil.Process) -> int:
    """Return the largest memory that a process has held; none if it has ended."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _fill(folder: Path) -> None:
    folder.chmod(0o755)
    for name in ("lake/inputs", "runs/staging", "runs/scratch", "home"):
        (folder / name).mkdir(parents=True)
    for name in ("input.parquet", "inputs/input.parquet"):
        (folder / "lake" / name).write_bytes(b"input")
    (folder / "airflow").mkdir(mode=0o700)
    (folder / "company.toml").write_text("[lake]\n")
    for name in ("airflow.cfg", "airflow.db", "passwords.json", "secrets.json"):
        (folder / "airflow" / name).write_text("the canary sings")


def _clean_up(folder: Path, before: list[psutil.Process]) -> None:
    shutil.rmtree(folder)
    left = [
        process for process in psutil.Process().children(recursive=True) if process not in before
    ]
    assert psutil.wait_procs(left, timeout=5)[1] == []


@pytest.fixture
def field(confined: Battlefield, monkeypatch: pytest.MonkeyPatch) -> Battlefield:
    """Attack as the user that the tests run as, where the kernel does not confine a runner.

    So each other way to contain an attack is known to suffice without it.
    """
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(socket_filter, "is_supported", lambda: False)
    return confined


@pytest.fixture
def confined() -> Iterator[Battlefield]:
    """Attack as the user that the tests run as, as far as this kernel lets a runner."""
    before = psutil.Process().children(recursive=True)
    folder = Path(tempfile.mkdtemp(prefix="isthmus-hostile-"))
    _fill(folder)
    yield Battlefield(folder, None, sys.executable)
    _clean_up(folder, before)


@pytest.fixture
def other_side(field: Battlefield, python_for_others: str) -> Battlefield:
    """Attack as another Unix user."""
    return Battlefield(field.folder, OTHER_USER, python_for_others)


@pytest.fixture
def confined_other_side(confined: Battlefield, python_for_others: str) -> Battlefield:
    """Attack as another Unix user, as far as this kernel lets a runner."""
    return Battlefield(confined.folder, OTHER_USER, python_for_others)


@pytest.fixture(scope="session")
def python_for_others() -> str:
    """Return a Python that another user may start; skip if there is none, or no other user."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a runner as another Unix user")
    for python in (sys.executable, "/usr/bin/python3"):
        command = [python, "-I", "-c", "import json, ctypes, subprocess"]
        try:
            done = subprocess.run(command, user=OTHER_USER, extra_groups=[], check=False, cwd="/")
        except (OSError, ValueError):
            continue
        if done.returncode == 0:
            return python
    return pytest.skip(f"there is no Python that the user {OTHER_USER!r} may start")


@pytest.fixture
def days() -> pa.RecordBatch:
    """Return rows that a runner may stage as `days`."""
    return pa.record_batch(
        {
            "origin": ["EWR", "JFK"],
            "date": [date(2013, 1, 1), date(2013, 1, 2)],
            "parcels": [3, 4],
            "late_share": [0.0, 1.0],
            "mean_arr_delay": [0.5, -7.0],
            "worst_hour": [0, 23],
        }
    )


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition is true."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "the condition is still false after 20 seconds"
            time.sleep(0.02)

    return wait
