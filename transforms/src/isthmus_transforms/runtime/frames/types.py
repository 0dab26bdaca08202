"""The Arrow types of the contract's column types, and the contract's words for types of Arrow."""

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


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema in which rows of the table are staged."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW[column.type], nullable=column.nullable)
            for column in table.columns
        ]
    )


def arrow_type(column_type: ColumnType) -> pa.DataType:
    """Return the type of a column in memory: as staged, but texts may have more than 2 GiB."""
    return pa.large_string() if column_type == "string" else _ARROW[column_type]


def type_name(found: pa.DataType) -> str:
    """Return the contract's word for an Arrow type, or Arrow's if the contract has none."""
    if pa.types.is_dictionary(found):
        return f"categories of {type_name(found.value_type)}"
    if is_text(found):
        return "string"
    if pa.types.is_timestamp(found):
        return "timestamp" if found.tz is not None else "timestamp without a time zone"
    return next((name for name, known in _ARROW.items() if known == found), str(found))


def is_text(found: pa.DataType) -> bool:
    """Return whether a type holds texts, in whatever storage."""
    return bool(
        pa.types.is_string(found)
        or pa.types.is_large_string(found)
        or pa.types.is_string_view(found)
    )
