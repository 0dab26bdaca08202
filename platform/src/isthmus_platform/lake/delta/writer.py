"""Writing checked rows as Parquet files in a table's directory; nothing is committed here."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

import pyarrow as pa

from isthmus_contracts import Table
from isthmus_platform.lake.parquet_writer import ParquetWriter
from isthmus_platform.lake.pins import TableFile
from isthmus_platform.lake.validation.checker import Checker
from isthmus_platform.storage import Location


def write_table(
    directory: Location, table: Table, batches: Iterable[pa.RecordBatch]
) -> tuple[TableFile, ...]:
    """Write checked batches into the table's directory, and commit nothing.

    Raise `TableContractError` if the batches break the contract. Whatever is raised, no file is
    left.
    """
    place = directory / f"{uuid4().hex}.parquet"
    with place.writing() as path, Checker(table) as checker:
        with path.open("xb") as file, ParquetWriter(file, table) as writer:
            for batch in batches:
                checker.add(batch)
                if not checker.broken:
                    writer.add(batch)
        rows = checker.finish()
        size = path.stat().st_size
    return (TableFile(place.name, size, rows),)
