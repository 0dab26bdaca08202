"""Read a source's tables from a SQL database, in bounded memory, as the contract's types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import ceil
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnClause, Engine, Result, column, exc, inspect, select, table

from isthmus_contracts import Column, Table
from isthmus_platform.deployment import Source
from isthmus_platform.errors import SourceError, SourceUnavailableError
from isthmus_platform.lake.schemas import arrow_schema, arrow_type

# More rows exceed the processor's cache before they are columns, and take half as long again.
_PART_ROWS = 10_000


def read_source(contract: Table, source: Source, engine: Engine) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches of `chunk_rows`, with exactly the contract's columns.

    Raise `SourceError` for a missing table, a missing column and a value of another type,
    `SourceUnavailableError` for a database that does not answer.
    """
    name = source.tables.get(contract.name, contract.name)
    schema, _, relation = name.rpartition(".")
    place = f"{source.connection}.{name}"
    try:
        _check_columns(contract, engine, relation, schema or None, place)
        columns: list[ColumnClause[Any]] = [column(declared.name) for declared in contract.columns]
        query = select(*columns).select_from(table(relation, schema=schema or None))
        parts = ceil(source.chunk_rows / _PART_ROWS)
        options = {"yield_per": ceil(source.chunk_rows / parts)}
        with engine.connect().execution_options(**options) as connection:
            yield from _chunks(contract, connection.execute(query), parts, place)
    except (exc.InterfaceError, exc.OperationalError, exc.TimeoutError) as error:
        raise SourceUnavailableError(place, _first_line(error)) from None
    except exc.SQLAlchemyError as error:
        raise SourceError(place, _first_line(error)) from None


def _chunks(
    contract: Table, result: Result[Any], parts: int, place: str
) -> Iterator[pa.RecordBatch]:
    """Yield `parts` partitions of a result at a time, of which only one is Python objects."""
    batches: list[pa.RecordBatch] = []
    first = 0
    for rows in result.partitions():
        batches.append(_batch(contract, rows, first, place))
        first += len(rows)
        if len(batches) == parts:
            yield pa.concat_batches(batches)
            batches = []
    if batches:
        yield pa.concat_batches(batches)


def _check_columns(
    contract: Table, engine: Engine, relation: str, schema: str | None, place: str
) -> None:
    inspector = inspect(engine)
    if not inspector.has_table(relation, schema=schema):
        known = inspector.get_table_names(schema=schema)
        raise SourceError(place, f"there is no such table; known: {', '.join(known) or 'none'}")
    found = [present["name"] for present in inspector.get_columns(relation, schema=schema)]
    missing = [declared.name for declared in contract.columns if declared.name not in found]
    if missing:
        raise SourceError(
            place,
            f"column {', '.join(map(repr, missing))} is missing; known: {', '.join(found)}",
        )


def _batch(
    contract: Table, rows: Sequence[Sequence[object]], first: int, place: str
) -> pa.RecordBatch:
    schema = arrow_schema(contract)
    arrays = []
    for declared, values in zip(contract.columns, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(_array(declared, values))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise SourceError(place, _describe_mismatch(declared, values, first)) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(contract: Column, values: Sequence[object]) -> pa.Array:
    """Return the values as an array; dates may be text, as in databases without a date type."""
    wanted = arrow_type(contract.type)
    found = set(map(type, values)) - {type(None)}
    if contract.type in ("date", "timestamp"):
        if found == {str}:
            return pa.array(values, pa.string()).cast(wanted)
        if not found <= {date if contract.type == "date" else datetime}:
            raise TypeError("not a date or instant")
        if any(isinstance(value, datetime) and value.tzinfo is None for value in values):
            raise TypeError("an instant needs a time zone")
    if contract.type == "bool" and found == {int}:
        values = [_boolean(value) for value in values]
    elif contract.type == "int64" and found - {int}:
        values = [_whole(value) for value in values]
    elif contract.type == "float64" and Decimal in found:
        values = [float(value) if isinstance(value, Decimal) else value for value in values]
    elif contract.type == "float64" and bool in found:
        raise TypeError("a boolean is not a number")
    elif contract.type == "string" and bytes in found:
        raise TypeError("bytes are not text")
    return pa.array(values, wanted)


def _boolean(value: object) -> bool | None:
    if value is None or value in (0, 1):
        return None if value is None else bool(value)
    raise TypeError("not a boolean")


def _whole(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    if isinstance(value, float | Decimal) and value == int(value):
        return int(value)
    raise TypeError("not a whole number")


def _describe_mismatch(contract: Column, values: Sequence[object], first: int) -> str:
    """Say in which row the value does not fit; the value may be confidential."""
    for row, value in enumerate(values, start=first + 1):
        try:
            _array(contract, [value])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return (
                f"column {contract.name!r} holds {_kind(value)} in row {row}; "
                f"the contract says {contract.type}"
            )
    return f"column {contract.name!r} mixes types; the contract says {contract.type}"


def _kind(value: object) -> str:
    return {str: "text", float: "a number with a fraction"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _first_line(error: exc.SQLAlchemyError) -> str:
    """Return the database's message, without the value that SQLite quotes."""
    return str(getattr(error, "orig", None) or error).splitlines()[0].partition(" with text ")[0]
