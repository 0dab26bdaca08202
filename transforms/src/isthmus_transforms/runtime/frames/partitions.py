"""Intervals and partitions: which rows a run reads, and how it splits a table into partitions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Input, Interval, Partitioning, Table
from isthmus_transforms.errors import InputError, OutputError


def read_filter(contract: Input, schema: pa.Schema, interval: Interval | None) -> pc.Expression:
    """Return the filter for the rows of a Parquet file that a run reads; None means all rows."""
    if interval is None or contract.filter_column is None:
        return None
    kind = schema.field(contract.filter_column).type
    start, end = (pa.scalar(_bound(day, kind), kind) for day in (interval.start, interval.end))
    column = pc.field(contract.filter_column)
    return (column >= start) & (column < end)


def _bound(day: date, kind: pa.DataType) -> date:
    return datetime.combine(day, time(), UTC) if pa.types.is_timestamp(kind) else day


def rows_within(contract: Input, frame: pd.DataFrame, interval: Interval | None) -> pd.DataFrame:
    """Return the rows of a frame that `read_filter` would have read from its file."""
    if interval is None or contract.filter_column is None:
        return frame
    if contract.filter_column not in frame:
        raise InputError(
            contract.name,
            f"column {contract.filter_column!r} is missing; the interval is applied to it",
        )
    zone = "UTC" if contract.table.column(contract.filter_column).type == "timestamp" else None
    start, end = (pd.Timestamp(day, tz=zone) for day in (interval.start, interval.end))
    try:
        values = pd.to_datetime(frame[contract.filter_column])
        return frame[(values >= start) & (values < end)].reset_index(drop=True)
    except (TypeError, ValueError) as error:
        raise InputError(contract.name, f"column {contract.filter_column!r}: {error}") from None


def are_within(by: Partitioning, rows: pa.Table, interval: Interval) -> pa.ChunkedArray:
    """Return for each row whether its day is in the interval; True for a row without a day."""
    days = _days(by, rows)
    start, end = (pa.scalar(day, pa.date32()) for day in (interval.start, interval.end))
    return pc.and_(pc.greater_equal(days, start), pc.less(days, end)).fill_null(True)


def parts_of(table: Table, rows: pa.Table, interval: Interval | None) -> dict[str | None, pa.Table]:
    """Return the rows of each partition by name: of the interval's partitions, or of all with rows.

    Partitions are sorted by name; rows keep their order within one. A row without a day is in no
    partition. A table that is not partitioned is one part with the name None.
    """
    by = table.partitioning
    if by is None:
        return {None: rows}
    names = _partition_names(table.name, by, rows)
    ordered = rows.take(pc.sort_indices(names)).combine_chunks()  # the sort is stable, nulls last
    counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(names).to_pylist()}
    known = sorted(name for name in counts if name is not None)
    parts: dict[str | None, pa.Table] = {}
    start = 0
    for name in known if interval is None else by.names(interval):
        parts[name] = ordered.slice(start, counts.get(name, 0))
        start += counts.get(name, 0)
    return parts


def _partition_names(table: str, by: Partitioning, rows: pa.Table) -> pa.Array:
    days = _days(by, rows).combine_chunks().dictionary_encode()
    try:
        known = days.dictionary.to_pylist()
    except (OverflowError, ValueError) as error:
        raise OutputError(
            table, [f"column {by.column!r} has a day that has no name: {error}"]
        ) from None
    names = [None if day is None else by.name(day) for day in known]
    return pa.array(names, pa.string()).take(days.indices)


def _days(by: Partitioning, rows: pa.Table) -> pa.ChunkedArray:
    return rows[by.column].cast(pa.date32())  # timestamps of the contract are in UTC
