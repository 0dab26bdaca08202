"""The company's tables in a database server, with the types that such a server has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from isthmus_contracts import Table
from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.company import company_rows

_TYPES: dict[str, tuple[type[sa.types.TypeEngine[object]], Callable[[str], object]]] = {
    "int64": (sa.BigInteger, int),
    "float64": (sa.Double, float),
    "timestamp": (sa.DateTime, datetime.fromisoformat),
}
_TEXT = (sa.Text, str)
_BATCH_ROWS = 5_000


def load_server(package: Path, engine: sa.Engine, report: Callable[[str], None]) -> None:
    """Create the package's tables with their rows, unless they are there already.

    They appear all together or not at all. Raise `SourceError` if the package has no such files.
    """
    with engine.begin() as connection:
        if sa.inspect(connection).has_table(NYC_FLIGHTS.tables[0].name):
            report("the company's tables are there already")
            return
        for table in NYC_FLIGHTS.tables:
            rows = _load(table, package, connection)
            report(f"loaded {rows:,} {table.name} into the company's database")


def _load(table: Table, package: Path, connection: sa.Connection) -> int:
    types = [_TYPES.get(each.type, _TEXT) for each in table.columns]
    columns = [
        sa.Column(each.name, kind(timezone=True) if kind is sa.DateTime else kind())
        for each, (kind, _) in zip(table.columns, types, strict=True)
    ]
    created = sa.Table(table.name, sa.MetaData(), *columns)
    created.create(connection)
    rows = (
        {
            each.name: None if value is None else read(value)
            for each, (_, read), value in zip(table.columns, types, values, strict=True)
        }
        for values in company_rows(table, package)
    )
    return sum(_insert(created, batch, connection) for batch in _batches(rows))


def _insert(table: sa.Table, batch: list[dict[str, object]], connection: sa.Connection) -> int:
    connection.execute(sa.insert(table), batch)
    return len(batch)


def _batches(rows: Iterator[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch
