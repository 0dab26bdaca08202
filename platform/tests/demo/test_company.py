from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.company import load_company
from isthmus_platform.errors import SourceError


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package" / "data"
    folder.mkdir(parents=True)
    for table in NYC_FLIGHTS.tables:
        names = [column.name for column in table.columns]
        rows = [",".join(names), ",".join("1" for _ in names), ",".join("NA" for _ in names)]
        (folder / f"{table.name}.csv").write_text("\n".join(rows))
    flights = folder / "flights.csv"
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive:
        archive.write(flights, "flights.csv")
    flights.unlink()
    return folder.parent


def test_every_table_is_loaded_with_missing_values_as_null(package: Path, tmp_path: Path) -> None:
    said: list[str] = []
    database = tmp_path / "company.sqlite"
    load_company(package, database, said.append)
    assert said[0] == "loaded 2 flights into the company's database"
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT month, carrier, dep_delay FROM flights").fetchall()
    assert rows == [(1, "1", 1.0), (None, None, None)]


def test_it_is_loaded_once(package: Path, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        load_company(package, tmp_path / "company.sqlite", said.append)
    assert len(said) == len(NYC_FLIGHTS.tables)


def test_a_package_that_lacks_a_file_leaves_no_database(package: Path, tmp_path: Path) -> None:
    (package / "data" / "airlines.csv").unlink()
    with pytest.raises(SourceError, match=r"holds neither airlines.csv nor airlines.csv.zip"):
        load_company(package, tmp_path / "company.sqlite", lambda _: None)
    assert [each.name for each in tmp_path.iterdir()] == ["package"]
