from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from isthmus_contracts.protocol import (
    Answer,
    EngineProfile,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
)
from isthmus_platform.runners import RunnerProcess

OUTPUTS = {"days.parquet": b"rows", "delay_calendar.png": b"picture"}


@dataclass
class Bench:
    """A directory to start runners in, their answers and their log."""

    folder: Path
    answers: list[Answer] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def request(self) -> RunRequest:
        """Return a request that the stand-in runner can fulfil."""
        return RunRequest(
            identity=RunIdentity("manual__1", "transform", 1),
            dataflow="station_days.v1",
            contract_version="1.0.0",
            targets=("days", "delay_calendar"),
            params={},
            inputs={"parcel_features": ()},
            staging=str(self.folder / "staging"),
            engine=EngineProfile("sequential", {}),
        )

    def process(self, *command: str) -> RunnerProcess:
        """Return a runner that was not started yet."""
        environment = {"PATH": os.environ["PATH"]}
        return RunnerProcess(command, environment, self.folder, self.folder / "staging")

    def run(self, process: RunnerProcess) -> RunResult | RunFailure:
        """Run the request."""
        with closing(process):
            process.start(self.log.append)
            return process.run(self.request, self.answers.append)

    @property
    def result(self) -> RunResult:
        """Return an answer to the request."""
        return RunResult(self.request.identity, "station_days.v1", "1.0.0", "x", ())

    def script(self, text: str) -> RunnerProcess:
        """Return a runner that is a few lines of Python."""
        return self.process(sys.executable, "-c", text)

    def command(self, *options: str) -> list[str]:
        """Return the command of the conformance kit's runner."""
        kit = [sys.executable, "-m", "isthmus_contracts.testing.runner"]
        return [*kit, "--outputs", str(self.folder / "outputs"), *options]

    def stand_in(self, *options: str) -> RunnerProcess:
        """Return the runner of the conformance kit."""
        return self.process(*self.command(*options))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    for name in ("staging", "outputs"):
        (tmp_path / name).mkdir()
    for name, content in OUTPUTS.items():
        (tmp_path / "outputs" / name).write_bytes(content)
    before = psutil.Process().children(recursive=True)
    yield Bench(tmp_path)
    left = [
        process for process in psutil.Process().children(recursive=True) if process not in before
    ]
    assert psutil.wait_procs(left, timeout=5)[1] == []
