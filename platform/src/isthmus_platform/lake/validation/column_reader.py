"""How a column of a Parquet file is read by itself, beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa
from pyarrow import parquet

from isthmus_platform.lake.validation.footers import chunks_of
from isthmus_platform.lake.validation.thrift import Struct

_BATCH_ROWS = 131_072  # at 8 bytes each they stay in the processor's cache
_LENGTH_BYTES = 4  # of each text in a page without a dictionary


class ColumnReader:
    """Read one column that occurs once and is not nested, row group by row group, in batches."""

    def __init__(
        self, path: Path, footer: parquet.FileMetaData, written: Struct, name: str
    ) -> None:
        self.name = name
        self.chunks = chunks_of(name, footer, written)
        self.bytes = sum(chunk.bytes for chunk in self.chunks)
        # Only hints, for they are the footer's: numbers are quick, but only if texts repeat. Where
        # all are numbered, a few long texts written out would fill the memory.
        is_numbered = self.bytes < _LENGTH_BYTES * footer.num_rows or all(
            chunk.is_numbered for chunk in self.chunks
        )
        self._open = partial(
            parquet.ParquetFile,
            path,
            metadata=footer,
            read_dictionary=[name] if is_numbered else [],
            pre_buffer=False,  # by threads of their own, which take turns with these
            page_checksum_verification=True,  # as some readers do
        )

    def __enter__(self) -> Self:
        self._file = self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def batches(self, group: int) -> Iterator[pa.Array]:
        """Yield the column's values in a row group."""
        for batch in self._file.iter_batches(
            _BATCH_ROWS, row_groups=[group], columns=[self.name], use_threads=False
        ):
            yield batch.column(self.name)
