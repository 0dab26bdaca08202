"""The columns of a table, each with its type in the words of contracts."""

from __future__ import annotations

import pyarrow as pa

from isthmus_contracts import Table
from isthmus_platform.lake.delta.tables import read_version
from isthmus_platform.lake.schemas import arrow_schema, type_name
from isthmus_platform.storage import Location


def columns_of(directory: Location, version: int) -> dict[str, str]:
    """Return the columns that one version of a table has, for example `int64, not null`."""
    return _described(pa.schema(read_version(directory, version).schema().to_arrow()))


def columns_in(table: Table) -> dict[str, str]:
    """Return the columns that a table's contract declares, in the same words."""
    return _described(arrow_schema(table))


def _described(schema: pa.Schema) -> dict[str, str]:
    return {
        field.name: type_name(field.type)
        if field.nullable
        else f"{type_name(field.type)}, not null"
        for field in schema
    }
