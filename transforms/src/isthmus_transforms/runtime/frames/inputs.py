"""Inputs: Parquet files that satisfy a table's contract, read as frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from isthmus_contracts import Input, Interval
from isthmus_contracts.rules import SCHEMA_PASSED, CheckResult
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.checks.contract import check_results
from isthmus_transforms.runtime.checks.result import Listener, check_finished, ignore, refusals
from isthmus_transforms.runtime.frames.partitions import read_filter
from isthmus_transforms.runtime.frames.types import arrow_schema, same_kind


@dataclass(frozen=True, slots=True)
class LazyInput:
    """An input, or a value in the place of a node's result, that is read when it is needed.

    `read` reports each check to its listener, also where the input is refused; `digest` returns a
    digest of the rows, or None if they cannot be digested exactly.
    """

    read: Callable[[Listener], Any]  # a value in the place of a result may be anything
    digest: Callable[[], str | None]


def read_input(
    contract: Input,
    files: Sequence[Path],
    interval: Interval | None = None,
    on_event: Listener = ignore,
) -> pd.DataFrame:
    """Return the rows of all files, with the contract's columns in its order.

    Strings become `str`, dates and timestamps datetime64, an int64 column with nulls float64.
    Columns that the contract does not name are not read; nor, if the input has a `filter_column`,
    are rows outside the interval. `on_event` receives the result of each check. The minimum number
    of rows is not checked for a partitioned table, nor where an interval filters the rows.

    Raise `InputError` for a file that is missing or is not Parquet, and for an input that breaks
    its contract: its columns, their types, or a rule of level `error` for their values.
    """
    parts = [_read(contract, file, interval, on_event) for file in files]
    if not parts:
        raise InputError(contract.name, "no file is given")
    table = pa.concat_tables(parts)
    del parts
    _check(contract, table, interval, on_event)
    frame = table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    return pd.DataFrame(frame)


def _check(contract: Input, rows: pa.Table, interval: Interval | None, on_event: Listener) -> None:
    table = contract.table
    if table.partitioning is not None or (
        interval is not None and contract.filter_column is not None
    ):
        table = replace(table, min_rows=0)
    found = [*check_results(table, rows)]
    for result in (SCHEMA_PASSED, *found):
        on_event(check_finished(contract.name, result))
    if problems := refusals(found):
        raise InputError(contract.name, "; ".join(problems))


def _read(contract: Input, file: Path, interval: Interval | None, on_event: Listener) -> pa.Table:
    name, schema = contract.name, arrow_schema(contract.table, nullable=True)
    try:
        found = pq.read_schema(file)
    except FileNotFoundError:
        raise InputError(name, f"there is no file {file}") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(name, f"{file} is not a Parquet file: {error}") from None
    problems = [_problem(field, found) for field in schema]
    for problem in filter(None, problems):
        result = CheckResult("schema", "error", False, f"{file.name}: {problem}", 1)
        on_event(check_finished(name, result))
        raise InputError(name, result.message)
    try:
        filters = read_filter(contract, found, interval)
        return pq.read_table(file, columns=schema.names, filters=filters).cast(schema)
    except (OSError, ValueError) as error:  # Arrow's errors are of these types
        raise InputError(name, f"{file.name}: {error}") from None


def _problem(field: pa.Field, found: pa.Schema) -> str | None:
    if field.name not in found.names:
        return f"column {field.name!r} is missing; there are: {', '.join(found.names)}"
    if found.names.count(field.name) > 1:
        return f"column {field.name!r} appears twice"
    other = found.field(field.name).type
    if not same_kind(other, field.type):
        return f"column {field.name!r} is {other}; the contract says {field.type}"
    return None
