"""Read a source's tables from a SQL database, in bounded memory, as the contract's types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pyarrow as pa
from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    FromClause,
    Result,
    column,
    exc,
    inspect,
    select,
    table,
    text,
)

from isthmus_contracts import Column, Table
from isthmus_contracts.exact_floats import exact_float
from isthmus_platform.deployment import Source
from isthmus_platform.errors import SourceError, SourceUnavailableError
from isthmus_platform.lake.schemas import arrow_schema, arrow_type

# More rows exceed the processor's cache before they are columns, and take half as long again.
_PART_ROWS = 10_000
_MOST_BYTES = 1 << 28  # of a batch; a column of texts may have 2 GiB at most
# In another zone, the last hours of the year 9999 are in a year that Python does not have.
_TIMES_IN_UTC: Mapping[str, str] = MappingProxyType({"postgresql": "SET TIME ZONE 'UTC'"})

_REMEDIES: tuple[tuple[tuple[type, ...], str, str], ...] = (
    ((UUID,), "a UUID", "cast it to text in a view"),
    ((dict, list, tuple), "JSON or an array", "cast it to text in a view, or select its parts"),
    ((bytes, memoryview), "bytes", "decode them in a view, in PostgreSQL by convert_from"),
    ((str,), "text", "cast it in a view"),
    ((datetime,), "a timestamp", "cast it in a view"),
)


def read_source(contract: Table, source: Source, engine: Engine) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in batches of `chunk_rows`, with exactly the contract's columns.

    Batches of long texts have fewer rows. Raise `SourceError` for a missing table, a missing column
    and a value of another type, `SourceUnavailableError` for a database that does not answer.
    """
    name = source.tables.get(contract.name, contract.name)
    schema, _, relation = name.rpartition(".")
    place = f"{source.connection}.{name}"
    try:
        _check_columns(contract, engine, relation, schema or None, place)
        columns: list[ColumnClause[Any]] = [column(declared.name) for declared in contract.columns]
        rows = table(relation, schema=schema or None)
        parts = ceil(source.chunk_rows / _PART_ROWS)
        rows_at_once = ceil(source.chunk_rows / parts)
        try:
            with _connected(engine, rows_at_once) as connection:
                result = connection.execute(select(*columns).select_from(rows))
                yield from _chunks(contract, result, parts, place)
        except (exc.DataError, ValueError, OverflowError) as error:  # the driver's
            problem = _describe_unreadable(contract, engine, rows, rows_at_once)
            raise SourceError(place, problem or type(error).__name__) from None
    except (exc.InterfaceError, exc.OperationalError, exc.TimeoutError) as error:
        raise SourceUnavailableError(place, _first_line(error)) from None
    except exc.SQLAlchemyError as error:
        raise SourceError(place, _first_line(error)) from None


@contextmanager
def _connected(engine: Engine, rows_at_once: int) -> Iterator[Connection]:
    with engine.connect() as connection:
        if statement := _TIMES_IN_UTC.get(engine.dialect.name):
            connection.execute(text(statement))  # before the option: no cursor can be on it
        yield connection.execution_options(yield_per=rows_at_once)


def _chunks(
    contract: Table, result: Result[Any], parts: int, place: str
) -> Iterator[pa.RecordBatch]:
    """Yield `parts` partitions of a result at a time, of which only one is Python objects."""
    waiting: list[pa.RecordBatch] = []
    first = 0
    for number, rows in enumerate(result.partitions(), start=1):
        for batch in _batches(contract, rows, first, place):
            if waiting and sum(part.nbytes for part in (*waiting, batch)) > _MOST_BYTES:
                yield pa.concat_batches(waiting)
                waiting = []
            waiting.append(batch)
        first += len(rows)
        if number % parts == 0:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


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


def _batches(
    contract: Table, rows: Sequence[Sequence[object]], first: int, place: str
) -> Iterator[pa.RecordBatch]:
    """Yield the rows as one batch, or as several if they have long texts."""
    arrays = []
    for declared, values in zip(contract.columns, zip(*rows, strict=True), strict=True):
        try:
            arrays.append(_array(declared, values))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise SourceError(place, _describe_mismatch(declared, values, first)) from None
    # Beyond 2 GiB, what Arrow makes of texts is not an array but chunks.
    if len(rows) > 1 and sum(array.nbytes for array in arrays) > _MOST_BYTES:
        half = len(rows) // 2
        yield from _batches(contract, rows[:half], first, place)
        yield from _batches(contract, rows[half:], first + half, place)
    else:
        yield pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(contract))


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
    elif contract.type == "float64" and bool in found:
        raise TypeError("a boolean is not a number")
    elif contract.type == "float64" and found & {Decimal, int}:
        values = [_float(contract, value) for value in values]
    elif contract.type == "string" and not all(issubclass(kind, str) for kind in found):
        raise TypeError("not text")
    return pa.array(values, wanted)


def _boolean(value: object) -> bool | None:
    if value is None or value in (0, 1):
        return None if value is None else bool(value)
    raise TypeError("not a boolean")


def _float(contract: Column, value: object) -> object:
    if isinstance(value, int | Decimal):
        return exact_float(value, inexact=contract.inexact)
    return value


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
            kind, remedy = _kind_and_remedy(contract, value)
            return (
                f"column {contract.name!r} holds {kind} in row {row}; "
                f"the contract says {contract.type}{remedy and f' ({remedy})'}"
            )
    return f"column {contract.name!r} mixes types; the contract says {contract.type}"


def _kind_and_remedy(contract: Column, value: object) -> tuple[str, str]:
    """Say what a value is that does not fit, and what to do about it, if that is known."""
    if isinstance(value, datetime) and contract.type == "timestamp":
        return "a timestamp without a time zone", "name it in a view, by AT TIME ZONE 'UTC'"
    for kinds, what, remedy in _REMEDIES:
        if isinstance(value, kinds):
            return what, remedy
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if is_number and contract.type == "float64":
        return "a number", _why_not_a_float(contract, value)
    if isinstance(value, float | Decimal):
        return "a number with a fraction", ""
    return f"a {type(value).__name__}", ""


def _why_not_a_float(contract: Column, value: object) -> str:
    try:
        _float(contract, value)
    except ValueError as error:
        return str(error)
    return ""


def _describe_unreadable(
    contract: Table, engine: Engine, rows: FromClause, rows_at_once: int
) -> str:
    """Say which column the driver cannot read; the value, in its message, may be confidential."""
    for declared in contract.columns:
        one: ColumnClause[Any] = column(declared.name)
        try:
            with _connected(engine, rows_at_once) as connection:
                for _ in connection.execute(select(one).select_from(rows)).partitions():
                    pass
        except UnicodeDecodeError:
            return (
                f"column {declared.name!r} holds text that is not in the encoding of its database "
                "(cast it to bytes and decode it in a view, in PostgreSQL by convert_from)"
            )
        except (exc.DataError, ValueError, OverflowError):
            return (
                f"column {declared.name!r} holds a value that Python cannot represent, such as a "
                "date before year 1 or after 9999 (make it null in a view)"
            )
    return ""


def _first_line(error: exc.SQLAlchemyError) -> str:
    """Return the database's message, without the value that SQLite quotes."""
    return str(getattr(error, "orig", None) or error).splitlines()[0].partition(" with text ")[0]
