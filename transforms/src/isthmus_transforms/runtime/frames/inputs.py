"""Inputs: Parquet files that satisfy a table's contract, read as frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from isthmus_contracts import Column, Input, Interval, Table
from isthmus_contracts.formatting import counted
from isthmus_contracts.rules import SCHEMA_PASSED, CheckResult
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.checks.contract import check_results, keys_where
from isthmus_transforms.runtime.checks.result import Listener, check_finished, ignore, refusals
from isthmus_transforms.runtime.frames.conversion import (
    convert,
    inexact_rows,
    is_convertible,
    why_not,
)
from isthmus_transforms.runtime.frames.partitions import read_filter
from isthmus_transforms.runtime.frames.types import type_name

_MASKED = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype()}


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
    *,
    masked_types: bool = False,
) -> pd.DataFrame:
    """Return the rows of all files, with the contract's columns in its order.

    The dtypes are those of the contract, whatever the values. Strings become `str`, dates and
    timestamps datetime64, a nullable bool `boolean`, and a nullable int64 `float64`, or `Int64`
    with `masked_types`. Columns that the contract does not name are not read; nor, if the input has
    a `filter_column`, are rows outside the interval. `on_event` receives the result of each check.
    The minimum number of rows is not checked for a partitioned table, nor where an interval filters
    the rows.

    Raise `InputError` for a file that is missing or is not Parquet, and for an input that breaks
    its contract: its columns, their types, or a rule of level `error` for their values.
    """
    parts = [_read(contract, file, interval, on_event) for file in files]
    if not parts:
        raise InputError(contract.name, "no file is given")
    rows = pa.concat_tables(parts)
    del parts
    if not masked_types:
        _check_exact(contract, rows, on_event)
    _check(contract, rows, interval, on_event)
    rows, masked = _separate(contract.table, rows, masked_types=masked_types)
    frame = pd.DataFrame(
        rows.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    )
    for position, column in enumerate(contract.table.columns):
        if column.name in masked:
            frame.insert(position, column.name, masked.pop(column.name))
    return frame


def _check_exact(contract: Input, rows: pa.Table, on_event: Listener) -> None:
    """Refuse integers that would not arrive as they are: a nullable int64 becomes float64."""
    for column in contract.table.columns:
        if not column.nullable or column.type != "int64":
            continue
        inexact = inexact_rows(rows[column.name])
        if inexact is not None:
            count = pc.sum(inexact).as_py()
            _refuse(
                contract,
                f"column {column.name!r} is a nullable int64, which functions get as float64, and "
                f"has {counted(count, 'value')} that float64 cannot hold exactly; to get Int64, "
                "declare the dataflow with masked_types=True",
                on_event,
                count,
                keys_where(contract.table, rows, inexact),
            )


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


def _refuse(
    contract: Input,
    problem: str,
    on_event: Listener,
    violations: int = 1,
    examples: tuple[str, ...] = (),
) -> NoReturn:
    result = CheckResult("schema", "error", False, problem, violations, examples)
    on_event(check_finished(contract.name, result))
    raise InputError(contract.name, result.sentence)


def _separate(
    table: Table, rows: pa.Table, *, masked_types: bool
) -> tuple[pa.Table, dict[str, pd.Series]]:
    """Return the columns that NumPy holds, and those of masked types."""
    masked: dict[str, pd.Series] = {}
    for position, column in enumerate(table.columns):
        if not column.nullable or column.type not in {"bool", "int64"}:
            continue
        values = rows[column.name]
        if column.type == "bool" or masked_types:
            masked[column.name] = values.to_pandas(types_mapper=_MASKED.get)
        else:
            floats = values.cast(pa.float64(), safe=False)  # all of them are exact
            rows = rows.set_column(position, column.name, floats)
    return rows.drop_columns(list(masked)), masked


def _read(contract: Input, file: Path, interval: Interval | None, on_event: Listener) -> pa.Table:
    name, columns = contract.name, contract.table.columns
    try:
        found = pq.read_schema(file)
    except FileNotFoundError:
        raise InputError(name, f"there is no file {file}") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(name, f"{file} is not a Parquet file: {error}") from None
    for problem in filter(None, (_problem(column, found) for column in columns)):
        _refuse(contract, f"{file.name}: {problem}", on_event)
    try:
        filters = read_filter(contract, found, interval)
        rows = pq.read_table(file, columns=[column.name for column in columns], filters=filters)
    except (OSError, ValueError) as error:  # Arrow's errors are of these types
        raise InputError(name, f"{file.name}: {error}") from None
    converted: dict[str, pa.ChunkedArray] = {}
    for column in columns:
        try:
            converted[column.name] = convert(rows[column.name], column)
        except (TypeError, ValueError, pa.ArrowException) as error:
            kind = type_name(rows[column.name].type)
            problem = f"column {column.name!r} is {kind}; the contract says {column.type} ({error})"
            _refuse(contract, f"{file.name}: {problem}", on_event)
    return pa.table(converted)


def _problem(column: Column, found: pa.Schema) -> str | None:
    if column.name not in found.names:
        return f"column {column.name!r} is missing; there are: {', '.join(found.names)}"
    if found.names.count(column.name) > 1:
        return f"column {column.name!r} appears twice"
    other = found.field(column.name).type
    if not is_convertible(other, column.type):
        why = why_not(other, column.type)
        return (
            f"column {column.name!r} is {type_name(other)}; the contract says {column.type} ({why})"
        )
    return None
