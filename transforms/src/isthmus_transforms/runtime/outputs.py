"""Outputs: checked against their contract, then staged as files in the spool."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from isthmus_contracts import File, Interval, Metrics, Output, Table
from isthmus_contracts.protocol import StagedFile, StagedOutput
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.checks import broken_rules
from isthmus_transforms.runtime.partitions import are_within, parts_of
from isthmus_transforms.runtime.types import arrow_schema, same_kind


def stage(
    output: Output, value: object, spool: Path, interval: Interval | None = None
) -> StagedOutput:
    """Write an output's value into the spool, and return what was staged.

    A table is a DataFrame, a file bytes or text, metrics a mapping of numbers. Raise `OutputError`
    if the value is something else or does not keep the contract.

    A partitioned table is a file for each partition that has rows. In a run for an interval its
    rows outside are neither checked nor written.
    """
    match output:
        case Table():
            return _stage_table(output, value, spool, interval)
        case File():
            return _stage_file(output, value, spool)
        case Metrics():
            return StagedOutput(output.name, metrics=checked_metrics(output, value))


def _stage_table(
    table: Table, value: object, spool: Path, interval: Interval | None
) -> StagedOutput:
    if not isinstance(value, pd.DataFrame):
        raise OutputError(table.name, [f"it is a {type(value).__name__}, not a DataFrame"])
    frame, rows = value, as_contracted(table, value)
    if table.partitioning is not None and interval is not None:
        within = are_within(table.partitioning, rows, interval)
        frame, rows = frame[within.to_numpy()], rows.filter(within)
    parts = parts_of(table, rows, interval)
    problems = broken_rules(table, frame, {name: part.num_rows for name, part in parts.items()})
    if problems:
        raise OutputError(table.name, problems)
    return StagedOutput(
        table.name,
        tuple(
            _stage_part(table, name, part, spool)
            for name, part in parts.items()
            if part.num_rows or name is None
        ),
    )


def _stage_part(table: Table, name: str | None, rows: pa.Table, spool: Path) -> StagedFile:
    path = Path(f"{table.name}.parquet") if name is None else Path(table.name, f"{name}.parquet")
    if name is not None:
        (spool / table.name).mkdir(exist_ok=True)
    pq.write_table(rows, spool / path, compression="zstd")
    return replace(_staged(spool, path, rows.num_rows), partition=name)


def as_contracted(table: Table, frame: pd.DataFrame) -> pa.Table:
    """Return the frame's columns with exactly the contract's names, order and types."""
    names = [str(name) for name in frame.columns]
    wanted = [each.name for each in table.columns]
    problems = [f"column {name!r} is missing" for name in wanted if name not in names]
    problems += [f"column {name!r} is not in the contract" for name in names if name not in wanted]
    problems += [f"column {name!r} is there twice" for name in wanted if names.count(name) > 1]
    if problems:
        raise OutputError(table.name, problems)
    columns = []
    for field in arrow_schema(table):
        try:
            columns.append(_as_type(frame[field.name], field))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            problems.append(
                f"column {field.name!r} is {frame[field.name].dtype}; "
                f"the contract says {field.type} ({error})"
            )
    if problems:
        raise OutputError(table.name, problems)
    schema = pa.schema([field.with_nullable(True) for field in arrow_schema(table)])
    return pa.Table.from_arrays(columns, schema=schema)


def _as_type(column: pd.Series, field: pa.Field) -> pa.ChunkedArray:
    values = pa.chunked_array([pa.Array.from_pandas(column)]) if len(column) else None
    if values is None:
        return pa.chunked_array([pa.array([], field.type)])
    found = values.type
    whole_numbers = pa.types.is_integer(found) or (field.nullable and pa.types.is_floating(found))
    if (
        same_kind(found, field.type)
        or pa.types.is_null(found)
        or (pa.types.is_integer(field.type) and whole_numbers)
        or (pa.types.is_floating(field.type) and pa.types.is_floating(found))
        or (pa.types.is_dictionary(found) and same_kind(found.value_type, field.type))
    ):
        return values.cast(field.type)
    if pa.types.is_date(field.type) and pa.types.is_timestamp(found) and found.tz is None:
        dates = values.cast(field.type)
        if not dates.cast(found).equals(values):
            raise TypeError("they have a time of day")
        return dates
    raise TypeError("they are of another kind")


def _stage_file(file: File, value: object, spool: Path) -> StagedOutput:
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        raise OutputError(file.name, [f"it is a {type(value).__name__}, neither bytes nor text"])
    path = Path(f"{file.name}{file.suffix}")
    (spool / path).write_bytes(value)
    return StagedOutput(file.name, (_staged(spool, path, None),))


def checked_metrics(metrics: Metrics, value: object) -> dict[str, float]:
    """Return exactly the numbers that the contract names, or raise `OutputError`."""
    if not isinstance(value, Mapping):
        raise OutputError(metrics.name, [f"it is a {type(value).__name__}, not a mapping"])
    wanted = {each.name: each for each in metrics.metrics}
    problems = [f"metric {name!r} is missing" for name in wanted if name not in value]
    problems += [f"metric {name!r} is not in the contract" for name in value if name not in wanted]
    numbers: dict[str, float] = {}
    for name, metric in wanted.items():
        if name not in value:
            continue
        if not isinstance(value[name], Real) or isinstance(value[name], bool):
            problems.append(f"metric {name!r} is a {type(value[name]).__name__}, not a number")
            continue
        try:
            numbers[name] = float(value[name])
        except OverflowError:
            numbers[name] = math.inf
        low = -math.inf if metric.minimum is None else metric.minimum
        high = math.inf if metric.maximum is None else metric.maximum
        if not math.isfinite(numbers[name]) or not low <= numbers[name] <= high:
            problems.append(f"metric {name!r} is {numbers[name]:g}; allowed: {low:g} to {high:g}")
    if problems:
        raise OutputError(metrics.name, problems)
    return numbers


def _staged(spool: Path, path: Path, rows: int | None) -> StagedFile:
    with (spool / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StagedFile(path.as_posix(), (spool / path).stat().st_size, digest, rows)
