"""Outputs: frames become Arrow tables with exactly the columns of their contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa

from isthmus_contracts import Column, Table
from isthmus_contracts.rules import schema_problems
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.frames.conversion import convert, convert_objects
from isthmus_transforms.runtime.frames.types import arrow_schema, arrow_type

_BATCH_BYTES = 1 << 25  # a reader holds a few batches, so they are small beside its memory


def as_contracted(table: Table, frame: pd.DataFrame) -> pa.Table:
    """Return the frame as Arrow, with exactly the contract's columns, order and types.

    Strings are `large_string`, which holds more than 2 GiB in a column.
    """
    problems = list(schema_problems(table, (str(name) for name in frame.columns)))
    if problems:
        raise OutputError(table.name, problems)
    with ThreadPoolExecutor(pa.cpu_count()) as threads:
        columns = [
            threads.submit(_convert, frame[declared.name], declared) for declared in table.columns
        ]
    for declared, column in zip(table.columns, columns, strict=True):
        error = column.exception()
        if isinstance(error, pa.ArrowException | TypeError | ValueError | OverflowError):
            problems.append(
                f"column {declared.name!r} is {frame[declared.name].dtype}; "
                f"the contract says {declared.type} ({error})"
            )
        elif error is not None:
            raise error
    if problems:
        raise OutputError(table.name, problems)
    found = [column.result() for column in columns]
    return pa.table(found, [declared.name for declared in table.columns])


def batches_of(table: Table, rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield rows that passed their checks in batches of the contract's types.

    `rows` are what `as_contracted` returns. A batch has at most 32 MiB, or one row.
    """
    if rows.num_rows > 1 and rows.nbytes > _BATCH_BYTES:
        half = rows.num_rows // 2
        yield from batches_of(table, rows.slice(0, half))
        yield from batches_of(table, rows.slice(half))
    else:
        yield from _cast(rows.combine_chunks(), arrow_schema(table)).to_batches()


def _cast(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    try:
        return rows.cast(schema)
    except pa.ArrowInvalid:  # a slice from beyond 2 GiB of text, whose offsets are as large
        return copied(rows).cast(schema)


def copied(rows: pa.Table) -> pa.Table:
    """Return the rows in memory of their own.

    Arrow writes up to 64 bytes after the end of a slice, which are of the rows that follow there.
    """
    columns = [
        pa.concat_arrays([*column.chunks, pa.array([], column.type)]) for column in rows.columns
    ]
    return pa.table(columns, schema=rows.schema)


def _convert(column: pd.Series, declared: Column) -> pa.ChunkedArray:
    if not len(column):
        return pa.chunked_array([], arrow_type(declared.type))
    if _holds_objects(column.dtype):
        return convert_objects(column, declared)
    values = pa.Array.from_pandas(column)
    # Of a ChunkedArray, `chunked_array([values])` would make a Python object for each row.
    chunked = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    return convert(chunked, declared)


def _holds_objects(dtype: object) -> bool:
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return dtype == np.dtype("O")
