"""How a column of a Parquet file is read by itself, beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyarrow import parquet

_BATCH_ROWS = 65_536  # at 8 bytes each they stay in the processor's cache
_LENGTH_BYTES = 4  # of each text in a page without a dictionary


class ColumnReader:
    """Read one column that occurs once and is not nested, row group by row group, in batches."""

    def __init__(self, path: Path, footer: parquet.FileMetaData, name: str) -> None:
        self._name = name
        paths = [footer.schema.column(i).path for i in range(footer.num_columns)]
        groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
        self._chunks = [group.column(paths.index(name)) for group in groups]
        # Only a hint, for it is the footer's: numbers are quick, but only if texts repeat.
        size = sum(each.total_uncompressed_size for each in self._chunks)
        is_numbered = size < _LENGTH_BYTES * footer.num_rows
        self._file = parquet.ParquetFile(
            path, metadata=footer, read_dictionary=[name] if is_numbered else [], pre_buffer=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def chunk(self, group: int) -> parquet.ColumnChunkMetaData:
        """Return what the footer says of the column in a row group."""
        return self._chunks[group]

    def batches(self, group: int) -> Iterator[pa.Array]:
        """Yield the column's values in a row group."""
        for batch in self._file.iter_batches(
            _BATCH_ROWS, row_groups=[group], columns=[self._name], use_threads=False
        ):
            yield batch.column(self._name)
