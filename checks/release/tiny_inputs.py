"""Write two rows of every input of a dataflow as Parquet files: `tiny_inputs.py DATAFLOW FOLDER`.

The release session runs this program in an environment that holds nothing but a tree's packages.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from isthmus_contracts import Column
from isthmus_contracts.catalog import CATALOG

VALUES: dict[str, object] = {
    "bool": True,
    "date": date(2013, 1, 1),
    "float64": 1.0,
    "string": "UA",
    "timestamp": datetime(2013, 1, 1, tzinfo=UTC),
}


def value(column: Column, row: int) -> object:
    """Return a value that the column's declaration allows; integers differ between rows."""
    if column.choices:
        return column.choices[0]
    return VALUES.get(column.type, row + 1)


def main(dataflow: str, folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for declared in CATALOG.dataflow(dataflow).inputs:
        columns = declared.table.columns
        rows = [{column.name: value(column, row) for column in columns} for row in (0, 1)]
        parquet.write_table(pa.Table.from_pylist(rows), folder / f"{declared.name}.parquet")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
