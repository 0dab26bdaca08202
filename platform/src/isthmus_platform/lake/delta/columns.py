"""The columns of a table, each with its type in the words of contracts."""

from __future__ import annotations

from isthmus_contracts import Table
from isthmus_platform.lake.schemas import arrow_schema, type_name


def columns_in(table: Table) -> dict[str, str]:
    """Return the columns that a table's contract declares, for example `int64, not null`."""
    return {
        field.name: type_name(field.type)
        if field.nullable
        else f"{type_name(field.type)}, not null"
        for field in arrow_schema(table)
    }
