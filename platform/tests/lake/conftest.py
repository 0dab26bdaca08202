from __future__ import annotations

import hashlib
import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_contracts import DataflowContract, Table
from isthmus_contracts.codec import serialize
from isthmus_contracts.protocol import (
    EngineProfile,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import Location, Store

_PROCESS = Path(__file__).with_name("publishing_process.py")
_DECLARED = runpy.run_path(str(_PROCESS))

Publisher = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]
GOOD: Mapping[str, list[object]] = {
    "origin": ["EWR", "JFK"],
    "date": [date(2013, 1, 1)] * 2,
    "flights": [3, 4],
    "late_share": [0.0, 1.0],
    "gust": [None, 7.5],
    "is_holiday": [True, None],
    "updated": [None, None],
}


@dataclass(frozen=True)
class Staged:
    """A run that has ended: what was asked, what was answered, and where its files lie."""

    request: RunRequest
    result: RunResult
    staging: Path


@pytest.fixture
def dataflow() -> DataflowContract:
    return _DECLARED["DATAFLOW"]


@pytest.fixture
def days() -> Table:
    return _DECLARED["DAYS"]


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Say where the lake is: on a disk, or where a test wants it in a bucket."""
    if getattr(request, "param", "disk") == "disk":
        return {"root": str(tmp_path / "lake")}
    bucket = request.getfixturevalue("bucket")
    return {name: str(getattr(bucket, name)) for name in ("endpoint", "name", "cache", "secret")}


@pytest.fixture
def lake(where: dict[str, str]) -> Lake:
    return Lake(_DECLARED["open_store"](where))


class CountingStore:
    """Wrap a store, and count the calls of each of its methods that ask it for something."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.counts = Counter[str]()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any member of the store
        member = getattr(self._store, name)
        if name in {"options", "address", "local", "flush"}:
            return member

        def counted(*arguments: object) -> object:
            self.counts[name] += 1
            return member(*arguments)

        return counted


@pytest.fixture
def counted(lake: Lake) -> tuple[Lake, Counter[str]]:
    """Return the lake over a store that counts what is asked of it, and the counts."""
    store = CountingStore(lake.store)
    return Lake(store), store.counts


@pytest.fixture
def folder(lake: Lake) -> Location:
    """Return a folder of the lake in which nothing lies."""
    return lake.path("folder")


@pytest.fixture
def batch() -> Callable[..., pa.RecordBatch]:
    """Make rows of `days`: good ones, with the columns that are given in place of theirs."""

    def make(**changes: object) -> pa.RecordBatch:
        types = {"date": pa.date32(), "updated": pa.timestamp("us", "UTC"), "gust": pa.float64()}
        columns = {**GOOD, **changes}
        return pa.record_batch(
            {
                name: values
                if isinstance(values, pa.Array)
                else pa.array(values, types.get(name), from_pandas=False)
                for name, values in columns.items()
            }
        )

    return make


@pytest.fixture
def stage(
    tmp_path: Path, dataflow: DataflowContract, batch: Callable[..., pa.RecordBatch]
) -> Stage:
    return Stage(tmp_path, dataflow, batch)


class Stage:
    """Put the outputs of a run into a staging directory of its own."""

    def __init__(
        self, root: Path, dataflow: DataflowContract, batch: Callable[..., pa.RecordBatch]
    ) -> None:
        self._root, self._dataflow, self._batch = root, dataflow, batch

    def __call__(self, run: str = "first", auc: float = 0.5, **changes: object) -> Staged:
        staging = (
            self._root
            / "staging_directories"
            / f"{run}-{len(list(self._root.glob('staging_directories/*')))}"
        )
        (staging / "parts").mkdir(parents=True)
        rows = self._batch(**changes)
        write_stream(staging / "parts" / "days.arrows", rows)
        write_stream(staging / "carriers.arrows", pa.record_batch({"carrier": [run]}))
        (staging / "report.html").write_text(f"<p>{run}", encoding="utf-8")
        identity = RunIdentity(run, "transform", 1)
        name, version = str(self._dataflow.identity), self._dataflow.version
        request = RunRequest(
            identity,
            name,
            version,
            tuple(output.name for output in self._dataflow.outputs),
            {},
            {},
            str(staging),
            EngineProfile("local", {}),
        )
        outputs = (
            StagedOutput("days", (claim(staging, "parts/days.arrows", rows.num_rows),)),
            StagedOutput("carriers", (claim(staging, "carriers.arrows"),)),
            StagedOutput("report", (claim(staging, "report.html"),)),
            StagedOutput("quality", metrics={"auc": auc}),
        )
        return Staged(request, RunResult(identity, name, version, "abc123", outputs), staging)


def write_stream(path: Path, *batches: pa.RecordBatch) -> None:
    with path.open("xb") as file, ipc.new_stream(file, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)


def claim(staging: Path, name: str, rows: int | None = None) -> StagedFile:
    content = (staging / name).read_bytes()
    return StagedFile(name, len(content), hashlib.sha256(content).hexdigest(), rows)


@pytest.fixture
def encoder() -> Iterator[LocalEncoder]:
    """Encode in this process: starting one takes longer than most tests."""
    with LocalEncoder(512_000_000) as encoder:
        yield encoder


@pytest.fixture
def accepted(
    stage: Stage, dataflow: DataflowContract, lake: Lake, encoder: LocalEncoder
) -> Callable[..., Accepted]:
    """Stage a run and accept it."""

    def make(run: str = "first", **changes: object) -> Accepted:
        staged = stage(run, **changes)
        return accept(dataflow, staged.request, staged.result, lake, encoder)

    return make


@pytest.fixture
def publisher(where: dict[str, str], tmp_path: Path) -> Publisher:
    """Start a process that publishes runs, and end it with the test."""

    @contextmanager
    def start(runs: Sequence[Accepted], *step: str) -> Iterator[subprocess.Popen[bytes]]:
        file = tmp_path / f"{runs[0].run}.json"
        file.write_text(json.dumps(serialize(runs)), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, str(_PROCESS), json.dumps(where), str(file), *step]
        with subprocess.Popen(command, env=environment) as process:
            try:
                yield process
            finally:
                process.kill()

    return start
