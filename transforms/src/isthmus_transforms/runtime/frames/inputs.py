"""LazyInput inputs: Parquet files that keep a table's contract, as frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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


def read_input(
    contract: Input,
    files: Sequence[Path],
    interval: Interval | None = None,
    on_event: Listener = ignore,
) -> pd.DataFrame:
    """Return the rows of all files, with the contract's columns in its order.

    Strings become `str`, dates and instants datetime64, an int64 with nulls float64. A column that
    the contract does not name is not read; neither, of an input `within` a column, are rows outside
    of the interval, if there is one. `on_event` hears the result of each check. How many rows
    there are is not checked where not all are read, nor of partitions.

    Raise `InputError` for a file that is missing or no Parquet, and for an input that breaks its
    contract: its columns, their types, or a rule for their values that does more than warn.
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
        raise InputError(name, f"{file} is no Parquet file: {error}") from None
    problems = [_problem(field, found) for field in schema]
    for problem in filter(None, problems):
        result = CheckResult("schema", "error", False, f"{file.name}: {problem}", 1)
        on_event(check_finished(name, result))
        raise InputError(name, result.message)
    try:
        chosen = read_filter(contract, found, interval)
        return pq.read_table(file, columns=schema.names, filters=chosen).cast(schema)
    except (OSError, ValueError) as error:  # Arrow's errors are of these kinds
        raise InputError(name, f"{file.name}: {error}") from None


def _problem(field: pa.Field, found: pa.Schema) -> str | None:
    if field.name not in found.names:
        return f"column {field.name!r} is missing; there are: {', '.join(found.names)}"
    if found.names.count(field.name) > 1:
        return f"column {field.name!r} is there twice"
    other = found.field(field.name).type
    if not same_kind(other, field.type):
        return f"column {field.name!r} is {other}; the contract says {field.type}"
    return None
