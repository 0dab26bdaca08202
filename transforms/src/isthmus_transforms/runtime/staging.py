"""Staging: outputs are checked against their contract, then written as files.

For the platform, a table is staged as an Arrow IPC stream: uncompressed, without dictionaries,
extension types and metadata, in batches of at most 32 MiB. The platform writes the Parquet.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import BinaryIO, Literal, Self, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from isthmus_contracts import File, Interval, Metrics, Output, Table
from isthmus_contracts.protocol import StagedFile, StagedOutput
from isthmus_contracts.rules import SCHEMA_PASSED, CheckResult, metric_results
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.checks.contract import check_results
from isthmus_transforms.runtime.checks.result import Listener, check_finished, ignore, refusals
from isthmus_transforms.runtime.frames.outputs import as_contracted, batches_of, copied
from isthmus_transforms.runtime.frames.partitions import are_within, parts_of
from isthmus_transforms.runtime.frames.types import arrow_schema

TableFormat: TypeAlias = Literal["arrows", "parquet"]
"""An Arrow IPC stream, for the platform, or Parquet, for people; it is the suffix of the file."""

_HASHED_TOGETHER = 1 << 20  # bytes for which it is worth while to call another thread
_MOST_UNHASHED = 16  # such calls, whose bytes stay in memory


def stage(  # noqa: PLR0913, PLR0917 - the last three have defaults
    output: Output,
    value: object,
    staging: Path,
    interval: Interval | None = None,
    on_event: Listener = ignore,
    table_format: TableFormat = "arrows",
) -> StagedOutput:
    """Write an output's value into the staging directory, and return what was staged.

    A table is a DataFrame, a file bytes or text, metrics a mapping of numbers; a number that is
    undefined is None, NaN or NA. Raise `OutputError`
    if the value is something else or breaks the contract; `on_event` receives the result of each
    check before anything is written.

    A partitioned table becomes a file for each partition that has rows. In a run for an interval,
    rows outside of it are neither checked nor written.
    """
    match output:
        case Table():
            parts = _checked_parts(output, value, interval, on_event)
            files = (
                _stage_part(output, name, part, staging, table_format)
                for name, part in parts.items()
                if part.num_rows or name is None
            )
            return StagedOutput(output.name, tuple(files))
        case File():
            return _stage_file(output, value, staging)
        case Metrics():
            return StagedOutput(output.name, metrics=checked_metrics(output, value, on_event))


def _checked_parts(
    table: Table, value: object, interval: Interval | None, on_event: Listener
) -> Mapping[str | None, pa.Table]:
    """Return the rows of each partition, after all checks have passed."""
    if not isinstance(value, pd.DataFrame):
        raise OutputError(table.name, [f"it is a {type(value).__name__}, not a DataFrame"])
    try:
        rows = as_contracted(table, value)
    except OutputError as error:
        for problem in error.problems:
            result = CheckResult("schema", "error", False, problem, 1)
            on_event(check_finished(table.name, result))
        raise
    if table.partitioning is not None and interval is not None:
        rows = rows.filter(are_within(table.partitioning, rows, interval))
    parts = parts_of(table, rows, interval)
    sizes = {name: part.num_rows for name, part in parts.items()}
    found = [SCHEMA_PASSED, *check_results(table, rows, sizes)]
    for result in found:
        on_event(check_finished(table.name, result))
    if problems := refusals(found):
        raise OutputError(table.name, problems)
    return parts


def _stage_part(
    table: Table, name: str | None, rows: pa.Table, staging: Path, table_format: TableFormat
) -> StagedFile:
    stem = Path(table.name) if name is None else Path(table.name, name)
    path = stem.with_name(f"{stem.name}.{table_format}")
    if name is not None:
        (staging / table.name).mkdir(exist_ok=True)
        rows = copied(rows)  # the file of a partition depends on no other
    if table_format == "parquet":
        with pq.ParquetWriter(staging / path, arrow_schema(table), compression="zstd") as writer:
            for batch in batches_of(table, rows):
                writer.write_batch(batch)
        return replace(staged_file(staging, path, rows.num_rows), partition=name)
    with (staging / path).open("wb") as file, _HashingWriter(file) as hashing:
        with ipc.new_stream(hashing, arrow_schema(table)) as stream:
            for batch in batches_of(table, rows):
                stream.write_batch(batch)
        return StagedFile(path.as_posix(), file.tell(), hashing.digest(), rows.num_rows, name)


class _HashingWriter:
    """Write to a file, and hash the same bytes in another thread meanwhile.

    Buffers of a stream's batches do not change, so they are hashed when there is time.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._pieces: list[memoryview] = []
        self._bytes = 0
        self._hashed: deque[Future[None]] = deque()
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def digest(self) -> str:
        """Return the digest of all that was written."""
        self._hash()
        while self._hashed:
            self._hashed.popleft().result()
        return self._sha256.hexdigest()

    def write(self, data: bytes | memoryview) -> int:
        """Write all of the data."""
        view = memoryview(data)
        self._pieces.append(view)
        self._bytes += view.nbytes
        if self._bytes >= _HASHED_TOGETHER:
            self._hash()
        return self._file.write(view)

    def flush(self) -> None:
        """Write what the file has buffered."""
        self._file.flush()

    def close(self) -> None:
        """Leave the file open, as its owner has opened it."""

    def _hash(self) -> None:
        if len(self._hashed) >= _MOST_UNHASHED:
            self._hashed.popleft().result()
        self._hashed.append(self._thread.submit(_update, self._sha256, self._pieces))
        self._pieces, self._bytes = [], 0


def _update(digest: hashlib._Hash, pieces: Iterable[memoryview]) -> None:
    for piece in pieces:
        digest.update(piece)


def _stage_file(file: File, value: object, staging: Path) -> StagedOutput:
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        raise OutputError(file.name, [f"it is a {type(value).__name__}, neither bytes nor text"])
    path = Path(f"{file.name}{file.suffix}")
    (staging / path).write_bytes(value)
    return StagedOutput(file.name, (staged_file(staging, path),))


def checked_metrics(
    metrics: Metrics, value: object, on_event: Listener = ignore
) -> dict[str, float | None]:
    """Return exactly the numbers that the contract names, or raise `OutputError`."""
    if not isinstance(value, Mapping):
        raise OutputError(metrics.name, [f"it is a {type(value).__name__}, not a mapping"])
    numbers = {str(name): _to_number(number) for name, number in value.items()}
    found = list(metric_results(metrics, numbers))
    for result in found:
        on_event(check_finished(metrics.name, result))
    if problems := refusals(found):
        raise OutputError(metrics.name, problems)
    return {metric.name: _defined(numbers[metric.name]) for metric in metrics.metrics}


def _defined(number: object) -> float | None:
    return number if isinstance(number, float) and not math.isnan(number) else None


def _to_number(value: object) -> object:
    """Return a number of any library, such as NumPy, as a float, and anything else as it is."""
    if value is pd.NA:
        return None
    if not isinstance(value, Real) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf


def staged_file(staging: Path, path: Path, rows: int | None = None) -> StagedFile:
    """Return path, size and digest of a file; `path` is relative to the staging directory."""
    with (staging / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StagedFile(path.as_posix(), (staging / path).stat().st_size, digest, rows)
