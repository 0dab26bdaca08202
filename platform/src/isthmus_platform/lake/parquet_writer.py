"""Parquet as the platform writes it, whoever computed the rows.

The schema is the contract's, statistics are those of the values, and the footer has no metadata of
anybody else. The same batches make the same file.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa
from pyarrow import parquet

from isthmus_contracts import Table
from isthmus_platform.lake.schemas import arrow_schema, fit

_GROUP_BYTES = 1 << 25
_GROUP_ROWS = 1 << 20
_SAMPLE_ROWS = 1 << 16
_REPEATED = 0.5  # a column with a smaller share of distinct values is worth a dictionary


class Target(Protocol):
    """A file on a disk that is open for writing."""

    def write(self, data: bytes, /) -> int:
        """Write all of the data."""

    def flush(self) -> None:
        """Hand what is buffered to the system."""

    def fileno(self) -> int:
        """Return the file's descriptor."""


class ParquetWriter:
    """Write batches to a file as row groups of at least 32 MiB, the last one excepted.

    A row group is encoded, and then flushed to the disk, by other threads, while the caller
    prepares the next.
    """

    def __init__(self, file: Target, table: Table) -> None:
        self._file = file
        self._table = table
        self._schema = arrow_schema(table)
        self._writer: parquet.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._encoding = ThreadPoolExecutor(1)
        self._flushing = ThreadPoolExecutor(1)
        self._encoded: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._flushing, self._encoding:
            try:
                if kind is None:
                    self._finish()
            finally:
                self._abandon()

    def add(self, batch: pa.RecordBatch) -> None:
        """Write the next rows, whose columns are of the right types, in any order."""
        self._waiting.append(fit(self._table, batch))
        self._waiting_bytes += batch.nbytes
        rows = sum(len(waiting) for waiting in self._waiting)
        if self._waiting_bytes >= _GROUP_BYTES or rows >= _GROUP_ROWS:
            self._encode_waiting()

    def _encode_waiting(self) -> None:
        self._wait()
        group = pa.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._waiting_bytes = [], 0
        if group.num_rows:
            self._encoded = self._encoding.submit(self._encode, group)

    def _wait(self) -> None:
        if self._encoded is not None:
            self._encoded.result()
            self._encoded = None

    def _encode(self, group: pa.Table) -> None:
        if self._writer is None:
            self._writer = self._open(group)
        # In one piece, so that pages do not depend on where batches end.
        self._writer.write_table(group.combine_chunks(), row_group_size=group.num_rows)
        self._file.flush()
        self._flushing.submit(os.fdatasync, self._file.fileno())

    def _finish(self) -> None:
        self._encode_waiting()
        self._wait()
        if self._writer is None:
            self._writer = self._open(self._schema.empty_table())
        self._writer.close()
        self._file.flush()

    def _abandon(self) -> None:
        """Close what was not closed, or else it is closed later, after its file."""
        with contextlib.suppress(Exception):  # something else is raised
            self._wait()
        if self._writer is not None:
            with contextlib.suppress(Exception):
                self._writer.close()
            self._writer.is_open = False  # even if it cannot be closed

    def _open(self, group: pa.Table) -> parquet.ParquetWriter:
        sample = group.slice(0, _SAMPLE_ROWS)
        most = _REPEATED * sample.num_rows
        return parquet.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            # To try a dictionary and give it up takes as long as all the rest.
            use_dictionary=[
                name for name in sample.column_names if len(sample[name].unique()) < most
            ],
            store_schema=False,
        )
