"""A dataflow that is measured, and what its runs stage: random, so that nothing shrinks it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from lines import MB
from pyarrow import ipc

from isthmus_contracts import Column, ColumnType, DataflowContract, File, Output, Table
from isthmus_contracts.protocol import (
    EngineProfile,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.lake.schemas import arrow_schema

MEMORY = 512 * MB  # what a deployment gives to acceptance by default
_WIDE_KINDS: tuple[ColumnType, ...] = ("int64", "float64", "string")
KINDS = ("hourly", "daily", "manual", "estimated")
MEASUREMENTS = Table(
    "measurements",
    "One row per station and instant.",
    (
        Column("station", "string", "Code of the station."),
        Column("measured_at", "timestamp", "When it was measured."),
        Column("day", "date", "Day of it."),
        Column("kind", "string", "How it was measured.", choices=KINDS),
        Column("reference", "string", "Number of the record."),
        Column("count", "int64", "Values behind it.", minimum=0, maximum=1_000_000),
        Column("serial", "int64", "Serial number of the instrument."),
        Column("value", "float64", "What was measured.", minimum=0, maximum=1),
        Column("deviation", "float64", "Its standard deviation.", nullable=True, minimum=0),
        Column("longitude", "float64", "East.", minimum=-180, maximum=180),
        Column("latitude", "float64", "North.", minimum=-90, maximum=90),
        Column("is_valid", "bool", "Whether it was confirmed."),
    ),
    key=("station", "measured_at"),
    min_rows=1,
)
PICTURE = File("picture", "Any bytes.", ".bin")

_ROWS_OF_STATION = 10_000
_FIRST_STATION = 10_000  # so that texts have one length and ascend
_ROW_BYTES = 98  # as measured
_BATCH_ROWS = 1 << 18  # of about 26 MB: a runner makes no larger ones
_CHUNK_BYTES = 1 << 24
_START = round(datetime(2013, 1, 1, tzinfo=UTC).timestamp() * 1e6)
_APART = 600_000_000  # microseconds from one row of a station to the next, plus what is random
_RANDOM = 400_000_000


@dataclass(frozen=True, slots=True)
class Staged:
    """A run of a dataflow that has ended: what was asked, and what was answered."""

    dataflow: DataflowContract
    request: RunRequest
    result: RunResult

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the path of the staged files."""
        staging = Path(self.request.staging)
        return tuple(staging / file.path for output in self.result.outputs for file in output.files)

    @property
    def bytes(self) -> int:
        """Return how much it staged."""
        return sum(file.bytes for output in self.result.outputs for file in output.files)


def stage_table(
    folder: Path, name: str, size: int, *, files: int = 1, ordered: bool = True
) -> Staged:
    """Stage measurements of about `size` bytes in all, in the order of their key or in none."""
    staging = folder / f"staging-{name}"
    staging.mkdir()
    rows = max(1, size // _ROW_BYTES // files)
    source = random.Random(name)  # noqa: S311 - it protects nothing
    staged = []
    for number in range(files):
        path = f"{number:04}.arrows"
        first, end = number * rows, (number + 1) * rows
        with (
            (staging / path).open("xb") as file,
            ipc.new_stream(file, arrow_schema(MEASUREMENTS)) as stream,
        ):
            for start in range(first, end, _BATCH_ROWS):
                order = _order(start, min(start + _BATCH_ROWS, end), source, ordered=ordered)
                stream.write_table(_measurements(order, source))
        staged.append(_claim(staging, path, rows))
    return _ended(name, MEASUREMENTS, staging, *staged)


def stage_wide(folder: Path, columns: int, rows: int) -> Staged:
    """Stage a table of many columns and few rows."""
    staging = folder / f"staging-{columns}-columns"
    staging.mkdir()
    made = {"int64": range(rows), "float64": [0.5] * rows, "string": ["text"] * rows}
    declared = tuple(
        Column(f"c{number}", kind, "A column.")
        for number, kind in zip(range(columns), cycle(_WIDE_KINDS), strict=False)
    )
    table = Table("wide", "Many columns.", declared, key=("c0",))
    schema = arrow_schema(table)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(made[column.type], schema.field(column.name).type) for column in declared],
        schema=schema,
    )
    with (staging / "wide.arrows").open("xb") as file, ipc.new_stream(file, schema) as stream:
        stream.write_batch(batch)
    return _ended("wide", table, staging, _claim(staging, "wide.arrows", rows))


def stage_file(folder: Path, name: str, size: int) -> Staged:
    """Stage a file of random bytes."""
    staging = folder / f"staging-{name}"
    staging.mkdir()
    source = random.Random(name)  # noqa: S311 - it protects nothing
    with (staging / "picture.bin").open("xb") as file:
        for start in range(0, size, _CHUNK_BYTES):
            file.write(source.randbytes(min(_CHUNK_BYTES, size - start)))
    return _ended(name, PICTURE, staging, _claim(staging, "picture.bin"))


def _ended(name: str, output: Output, staging: Path, *files: StagedFile) -> Staged:
    dataflow = DataflowContract(name, "1.0.0", "platform", "What is measured.", (), (output,))
    identity = RunIdentity("measured", "transform", 1)
    request = RunRequest(
        identity,
        str(dataflow.identity),
        dataflow.version,
        (output.name,),
        {},
        {},
        str(staging),
        EngineProfile("sequential", {}),
    )
    outputs = (StagedOutput(output.name, files),)
    result = RunResult(identity, request.dataflow, dataflow.version, "code", outputs)
    return Staged(dataflow, request, result)


def _claim(staging: Path, name: str, rows: int | None = None) -> StagedFile:
    with (staging / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return StagedFile(name, file.tell(), digest, rows)


def _order(start: int, end: int, source: random.Random, *, ordered: bool) -> pa.Array:
    numbers = pa.array(range(start, end), pa.int64())
    return numbers if ordered else numbers.take(pc.sort_indices(_floats(end - start, source)))


def _measurements(order: pa.Array, source: random.Random) -> pa.Table:
    """Return the rows of these numbers: each station's follow each other."""
    rows = len(order)
    station = pc.divide(order, _ROWS_OF_STATION)
    step = pc.subtract(order, pc.multiply(station, _ROWS_OF_STATION))
    instant = pc.add(pc.multiply(step, _APART), _integers(rows, _RANDOM, source))
    instant = pc.add(instant, _START).cast(pa.timestamp("us", "UTC"))
    deviation = _floats(rows, source)
    columns = {
        "station": pc.binary_join_element_wise(
            "ST", pc.add(station, _FIRST_STATION).cast(pa.string()), ""
        ),
        "measured_at": instant,
        "day": instant.cast(pa.timestamp("us")).cast(pa.date32(), safe=False),
        "kind": pa.array(KINDS).take(_integers(rows, len(KINDS), source)),
        "reference": _texts(rows, source),
        "count": _integers(rows, 1_000_000, source),
        "serial": _whole_integers(rows, source),
        "value": _floats(rows, source),
        "deviation": pc.if_else(pc.less(deviation, 0.05), None, deviation),
        "longitude": pc.subtract(pc.multiply(_floats(rows, source), 360), 180),
        "latitude": pc.subtract(pc.multiply(_floats(rows, source), 180), 90),
        "is_valid": pc.greater(_floats(rows, source), 0.1),
    }
    schema = arrow_schema(MEASUREMENTS)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _floats(rows: int, source: random.Random) -> pa.Array:
    """Return numbers from 0 to below 1."""
    return pc.random(rows, initializer=source.getrandbits(32))


def _integers(rows: int, below: int, source: random.Random) -> pa.Array:
    return pc.multiply(_floats(rows, source), below).cast(pa.int64(), safe=False)


def _whole_integers(rows: int, source: random.Random) -> pa.Array:
    """Return integers of any size and sign."""
    return pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(source.randbytes(rows * 8))])


def _texts(rows: int, source: random.Random) -> pa.Array:
    """Return texts of 12 characters."""
    digits = pa.py_buffer(source.randbytes(rows * 6).hex().encode())
    return pa.Array.from_buffers(pa.binary(12), rows, [None, digits]).cast(pa.string())
