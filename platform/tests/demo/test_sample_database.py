from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from isthmus_contracts.catalog import NYC_FLIGHTS
from isthmus_platform.demo.sample_database import load_sample_database
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
    reports: list[str] = []
    database = tmp_path / "company.sqlite"
    load_sample_database(package, database, reports.append)
    assert reports[0] == "loaded 2 flights into the sample database"
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT month, carrier, dep_delay FROM flights").fetchall()
    assert rows == [(1, "1", 1.0), (None, None, None)]


def test_it_is_loaded_once(package: Path, tmp_path: Path) -> None:
    reports: list[str] = []
    for _ in range(2):
        load_sample_database(package, tmp_path / "company.sqlite", reports.append)
    assert len(reports) == len(NYC_FLIGHTS.tables)


def test_a_package_that_lacks_a_file_leaves_no_database(package: Path, tmp_path: Path) -> None:
    (package / "data" / "airlines.csv").unlink()
    with pytest.raises(SourceError, match=r"contains neither airlines.csv nor airlines.csv.zip"):
        load_sample_database(package, tmp_path / "company.sqlite", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


@pytest.mark.parametrize("content", ["", "carrier\nAA\n"])
def test_a_file_that_lacks_a_column_leaves_no_database(
    package: Path, tmp_path: Path, content: str
) -> None:
    (package / "data" / "airlines.csv").write_text(content)
    with pytest.raises(SourceError, match=r"column '(carrier|name)' of airlines is missing"):
        load_sample_database(package, tmp_path / "company.sqlite", lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_columns_are_found_by_name_and_others_left_out(package: Path, tmp_path: Path) -> None:
    (package / "data" / "airlines.csv").write_text("rank,name,carrier\n1,Ürümqi Air,UQ\n")
    database = tmp_path / "new" / "company.sqlite"
    load_sample_database(package, database, lambda _: None)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM airlines").fetchall() == [("UQ", "Ürümqi Air")]


def test_an_interrupted_load_starts_again(package: Path, tmp_path: Path) -> None:
    database = tmp_path / "company.sqlite"

    def interrupt(line: str) -> None:
        if "planes" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_sample_database(package, database, interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]
    load_sample_database(package, database, lambda _: None)
    assert database.is_file()
