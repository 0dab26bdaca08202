"""The record of a run: one directory with its pins, its events and its graph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import quote

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Answer, Graph, decode_answer, encode
from isthmus_contracts.tools.graph_svg import graph_svg
from isthmus_platform.runs.index import add_entry, digest
from isthmus_platform.runs.pins import Pins, pins_document
from isthmus_platform.storage.local_files import write_text

_LONGEST_NAME = 200


def index_of(root: Path, dataflow: Identity) -> Path:
    """Return the directory of the index of a dataflow's runs."""
    return _records(root, dataflow) / "days"


def _records(root: Path, dataflow: Identity) -> Path:
    return root / "records" / str(dataflow)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Locate the files of a run: `<root>/records/<dataflow>/runs/<run>/`, and its `work`."""

    root: Path
    dataflow: Identity
    run: str

    @property
    def directory(self) -> Path:
        """Return the run's own directory, which may not exist yet."""
        return _records(self.root, self.dataflow) / "runs" / safe_name(self.run)

    @property
    def work(self) -> Path:
        """Return the directory of the run's workspaces, the only one that runners write in."""
        return self.root / "work" / str(self.dataflow) / safe_name(self.run)

    @property
    def graph_file(self) -> Path:
        """Return the path of the drawn graph."""
        return self.directory / "graph.svg"

    @property
    def pins(self) -> Path:
        """Return the path of the pins: what the run is for and reads."""
        return self.directory / "pins.json"

    def create(self) -> None:
        """Create the directory of the record, and its entry in the index, if it does not exist."""
        if not self.directory.is_dir():
            # The entry comes first: a record without one would never be listed or removed.
            add_entry(index_of(self.root, self.dataflow), self.run, datetime.now(UTC))
            self.directory.mkdir(parents=True, exist_ok=True)

    def write_pins(self, pins: Pins) -> None:
        """Write the pins, in place of those of an earlier attempt."""
        self.create()
        write_text(self.pins, pins_document(pins))

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

    @property
    def work(self) -> Path:
        """Return the directory of the attempt's workspace."""
        return self.run.work / f"{self.task}.{self.number}"

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Give a recorder of answers; it overwrites those of an earlier start of this attempt."""
        self.run.create()
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

    def answers_about(self, node: str) -> Iterator[Answer]:
        """Yield the answers whose field `node` is this node, and decode no other line."""
        try:
            content = self.events.read_bytes()
        except FileNotFoundError:
            return
        field = f'"node":{json.dumps(node)}'.encode()  # as `encode` writes it
        found = content.find(field)
        while found >= 0:
            start, end = content.rfind(b"\n", 0, found) + 1, content.find(b"\n", found)
            if end < 0:  # the line is still being written
                return
            yield decode_answer(content[start:end].decode())
            found = content.find(field, end)


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
    name = quote(run, safe="+:~") or "%"  # no other id has the name %
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}%-{digest(run)}"  # no shorter name contains %-
