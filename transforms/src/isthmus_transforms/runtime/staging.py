"""Staging: outputs are checked against their contract, then written as files."""

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
from isthmus_contracts.rules import (
    SCHEMA_PASSED,
    CheckResult,
    metric_results,
    schema_problems,
)
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.checks.contract import check_results
from isthmus_transforms.runtime.checks.result import Listener, check_finished, ignore, refusals
from isthmus_transforms.runtime.frames.partitions import are_within, parts_of
from isthmus_transforms.runtime.frames.types import arrow_schema, same_kind


def stage(
    output: Output,
    value: object,
    staging: Path,
    interval: Interval | None = None,
    on_event: Listener = ignore,
) -> StagedOutput:
    """Write an output's value into the staging directory, and return what was staged.

    A table is a DataFrame, a file bytes or text, metrics a mapping of numbers. Raise `OutputError`
    if the value is something else or breaks the contract; `on_event` receives the result of each
    check before anything is written.

    A partitioned table becomes a file for each partition that has rows. In a run for an interval,
    rows outside of it are neither checked nor written.
    """
    match output:
        case Table():
            return _stage_table(output, value, staging, interval, on_event)
        case File():
            return _stage_file(output, value, staging)
        case Metrics():
            return StagedOutput(output.name, metrics=checked_metrics(output, value, on_event))


def _stage_table(
    table: Table, value: object, staging: Path, interval: Interval | None, on_event: Listener
) -> StagedOutput:
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
    return StagedOutput(
        table.name,
        tuple(
            _stage_part(table, name, part, staging)
            for name, part in parts.items()
            if part.num_rows or name is None
        ),
    )


def _stage_part(table: Table, name: str | None, rows: pa.Table, staging: Path) -> StagedFile:
    path = Path(f"{table.name}.parquet") if name is None else Path(table.name, f"{name}.parquet")
    if name is not None:
        (staging / table.name).mkdir(exist_ok=True)
    pq.write_table(rows, staging / path, compression="zstd")
    return replace(staged_file(staging, path, rows.num_rows), partition=name)


def as_contracted(table: Table, frame: pd.DataFrame) -> pa.Table:
    """Return the frame as Arrow, with exactly the contract's columns, order and types."""
    problems = list(schema_problems(table, (str(name) for name in frame.columns)))
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
    return pa.Table.from_arrays(columns, schema=arrow_schema(table, nullable=True))


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
            raise TypeError("some values have a time of day")
        return dates
    raise TypeError("the types are incompatible")


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
) -> dict[str, float]:
    """Return exactly the numbers that the contract names, or raise `OutputError`."""
    if not isinstance(value, Mapping):
        raise OutputError(metrics.name, [f"it is a {type(value).__name__}, not a mapping"])
    numbers = {str(name): _as_number(number) for name, number in value.items()}
    found = list(metric_results(metrics, numbers))
    for result in found:
        on_event(check_finished(metrics.name, result))
    if problems := refusals(found):
        raise OutputError(metrics.name, problems)
    return {metric.name: float(value[metric.name]) for metric in metrics.metrics}


def _as_number(value: object) -> object:
    """Return a number of any library, such as NumPy, as a float, and anything else as it is."""
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
