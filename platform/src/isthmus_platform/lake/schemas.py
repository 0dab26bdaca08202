"""The types of contracts as Arrow types; no other module of the platform maps them."""

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
    "timestamp": pa.timestamp("us", "UTC"),
}


def arrow_type(column_type: ColumnType) -> pa.DataType:
    """Return the Arrow type in which a column of this type is stored."""
    return _ARROW[column_type]


def type_name(arrow: pa.DataType) -> str:
    """Return a contract's name for an Arrow type, or Arrow's own name if contracts have none."""
    if pa.types.is_timestamp(arrow) and arrow.tz is None:
        return "timestamp without a time zone"
    return next((name for name, known in _ARROW.items() if known == arrow), str(arrow))


def arrow_schema(table: Table) -> pa.Schema:
    """Return the table's Arrow schema: its columns in order, nullable where the contract says."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW[column.type], nullable=column.nullable)
            for column in table.columns
        ]
    )


def is_stored_as(found: pa.DataType, column_type: ColumnType) -> bool:
    """Say whether values of Arrow type `found` are of this type, in whatever encoding.

    A dictionary, a large string and a string view hold strings; an int32 is not an int64.
    """
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_large_string(found) or pa.types.is_string_view(found):
        found = pa.string()
    return bool(found == _ARROW[column_type] or found == _utc_by_offset(column_type))


def is_staged_as(found: pa.DataType, column_type: ColumnType) -> bool:
    """Say whether a runner may stage a column of this type as Arrow type `found`.

    What repeats texts, a dictionary or a string view, can be far larger than its bytes.
    """
    is_plain = not pa.types.is_dictionary(found) and not pa.types.is_string_view(found)
    return is_plain and is_stored_as(found, column_type)


def fit(table: Table, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch in the table's schema, given that its columns are of the right types."""
    schema = arrow_schema(table)
    arrays = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _utc_by_offset(column_type: ColumnType) -> pa.DataType | None:
    return pa.timestamp("us", "+00:00") if column_type == "timestamp" else None
