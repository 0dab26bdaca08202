"""The directory of a run."""

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
from isthmus_platform.storage.local_files import atomic_write

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Know where a run's files lie: `<root>/<dataflow>/<run>/`."""

    root: Path
    dataflow: Identity
    run: str

    @property
    def directory(self) -> Path:
        """Return the run's own directory, which may not exist yet."""
        return self.root / str(self.dataflow) / safe_name(self.run)

    @property
    def picture(self) -> Path:
        """Return where the picture of the graph lies."""
        return self.directory / "graph.svg"

    @property
    def pins(self) -> Path:
        """Return where the document of what the run reads lies."""
        return self.directory / "pins.json"

    def attempt(self, task: str, number: int) -> AttemptRecord:
        """Return the record of one attempt of a task."""
        return AttemptRecord(self, task, number)

    def attempts(self) -> list[AttemptRecord]:
        """Return every attempt that left events, oldest first."""
        found = []
        for path in self.directory.glob("*.events.jsonl"):
            task, number, *_ = path.name.split(".")
            found.append((path.stat().st_mtime, AttemptRecord(self, task, int(number))))
        return [record for _, record in sorted(found, key=lambda result: result[0])]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """Know where the files of one attempt of a task lie."""

    run: RunRecord
    task: str
    number: int

    @property
    def events(self) -> Path:
        """Return the file that holds the runner's answers, a line each."""
        return self.run.directory / f"{self.task}.{self.number}.events.jsonl"

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """Give the empty directories of a runner, which are gone afterwards.

        Those of earlier attempts, whose processes were killed before they could tidy up, go too.
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
        """Give a recorder that keeps answers from now on; those of an earlier start are gone."""
        self.run.directory.mkdir(parents=True, exist_ok=True)
        with self.events.open("w", encoding="utf-8") as file:
            yield Recorder(self.run, file)

    def answers(self) -> Iterator[Answer]:
        """Yield the answers kept so far; a line that is still being written is left out."""
        if not self.events.is_file():
            return
        with self.events.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield decode_answer(line)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Name where a runner stages its outputs, and where it may leave what it likes."""

    staging: Path
    scratch: Path


@dataclass(frozen=True, slots=True)
class Recorder:
    """Keep a runner's answers, and the picture of the graph once it is known."""

    run: RunRecord
    file: IO[str]

    def keep(self, answer: Answer) -> None:
        """Append the answer; it can be read at once."""
        self.file.write(encode(answer) + "\n")
        self.file.flush()
        if isinstance(answer, Graph):
            write_whole(self.run.picture, graph_svg(answer))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as draft:
        draft.write_text(text, encoding="utf-8")


def safe_name(run: str) -> str:
    """Return a run's id as the name of a directory; no id leads elsewhere."""
    name = quote(run, safe="+:~")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(run.encode()).hexdigest()[:16]
    return f"{name[:_LONGEST_NAME]}%-{digest}"  # no shorter name has a % before a dash
