"""The record of a run: one directory with its pins, its events and its graph."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Answer, Graph, decode_answer, encode
from isthmus_contracts.tools.graph_svg import graph_svg
from isthmus_platform.storage.local_files import write_text

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Locate the files of a run, which are in `<root>/<dataflow>/<run>/`."""

    root: Path
    dataflow: Identity
    run: str

    @property
    def directory(self) -> Path:
        """Return the run's own directory, which may not exist yet."""
        return self.root / str(self.dataflow) / safe_name(self.run)

    @property
    def graph_file(self) -> Path:
        """Return the path of the drawn graph."""
        return self.directory / "graph.svg"

    @property
    def pins(self) -> Path:
        """Return the path of the pins: what the run is for and reads."""
        return self.directory / "pins.json"

    def attempt(self, task: str, number: int) -> AttemptRecord:
        """Return the record of one attempt of a task."""
        return AttemptRecord(self, task, number)

    def attempts(self) -> list[AttemptRecord]:
        """Return every attempt that left events, oldest first."""
        attempts = []
        files = self.directory.glob("*.events.jsonl")
        for path in sorted(files, key=lambda path: path.stat().st_mtime):
            task, number, *_ = path.name.split(".")
            attempts.append(AttemptRecord(self, task, int(number)))
        return attempts


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Locate the files of one attempt of a task."""

    run: RunRecord
    task: str
    number: int

    @property
    def events(self) -> Path:
        """Return the path of the runner's answers, one JSON line per answer."""
        return self.run.directory / f"{self.task}.{self.number}.events.jsonl"

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """Give a runner's empty directories, and remove them afterwards.

        Also remove those of earlier attempts, which stay behind if a process was killed.
        """
        for number in range(1, self.number + 1):
            path = self.run.directory / f"{self.task}.{number}.work"
            shutil.rmtree(path, ignore_errors=True)
        workspace = Workspace(path / "staging", path / "scratch")
        workspace.staging.mkdir(parents=True)
        workspace.scratch.mkdir()
        try:
            yield workspace
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Give a recorder of answers; it overwrites those of an earlier start of this attempt."""
        self.run.directory.mkdir(parents=True, exist_ok=True)
        with self.events.open("w", encoding="utf-8") as file:
            yield Recorder(self.run, file)

    def answers(self) -> Iterator[Answer]:
        """Yield the recorded answers; omit a line that is still being written."""
        if not self.events.is_file():
            return
        with self.events.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield decode_answer(line)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Name a runner's directories: for the files that it stages, and for temporary files."""

    staging: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Recorder:
    """Record a runner's answers, and draw the graph once it is known."""

    run: RunRecord
    file: IO[str]

    def record(self, answer: Answer) -> None:
        """Append the answer, where `answers` finds it at once."""
        self.file.write(encode(answer) + "\n")
        self.file.flush()
        if isinstance(answer, Graph):
            write_text(self.run.graph_file, graph_svg(answer))


def safe_name(run: str) -> str:
    """Return a directory name for a run's id that cannot lead out of its parent directory."""
    name = quote(run, safe="+:~")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(run.encode()).hexdigest()[:16]
    return f"{name[:_LONGEST_NAME]}%-{digest}"  # no shorter name contains %-
