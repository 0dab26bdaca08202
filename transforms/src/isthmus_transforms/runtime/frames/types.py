"""The Arrow types of the contract's column types."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from isthmus_contracts import ColumnType, Table

_ARROW: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(table: Table, *, nullable: bool = False) -> pa.Schema:
    """Return the Arrow schema of the table; with `nullable`, every column may have nulls."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW[column.type], nullable=nullable or column.nullable)
            for column in table.columns
        ]
    )


def same_kind(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether two types hold the same values and differ in storage only."""
    if pa.types.is_string(wanted):
        return any(
            is_kind(found)
            for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
        )
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(found) and found.tz is not None)
    return bool(found.equals(wanted))
