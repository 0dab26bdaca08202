from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from isthmus_contracts import Column
from isthmus_contracts.catalog import NYC_FLIGHTS


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package of the company's files, with a row of values and a row that lacks all."""
    folder = tmp_path / "package" / "data"
    folder.mkdir(parents=True)
    for table in NYC_FLIGHTS.tables:
        lines = [
            [column.name for column in table.columns],
            [_value(column) for column in table.columns],
            ["NA" for _ in table.columns],
        ]
        (folder / f"{table.name}.csv").write_text("\n".join(map(",".join, lines)))
    flights = folder / "flights.csv"
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive:
        archive.write(flights, "flights.csv")
    flights.unlink()
    return folder.parent


def _value(column: Column) -> str:
    return "2013-01-01T10:00:00Z" if column.type == "timestamp" else "1"
