"""From the files that a runner staged for a table to Parquet files of the platform's own.

Each staged file is read once, batch by batch. What is checked is what is encoded: readers of the
lake see the values that the checks saw.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, Self

from isthmus_contracts import Table
from isthmus_contracts.rules import CheckResult
from isthmus_platform.lake.intake.safe_copy import FileDigest
from isthmus_platform.lake.intake.staged_stream import StagedStream, StreamError
from isthmus_platform.lake.parquet_writer import ParquetWriter
from isthmus_platform.lake.schemas import is_staged_as
from isthmus_platform.lake.validation.checker import Checker

_BATCHES_IN_MEMORY = 6  # of the largest size: read, cast, collected, encoded and compressed


class EncoderError(Exception):
    """Report that a table cannot be encoded, whatever is in it; the message is a clause."""


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """Say what was read of a staged file, and what was written of it."""

    staged: FileDigest
    written: FileDigest
    rows: int


@dataclass(frozen=True, slots=True)
class TableReport:
    """Say all that is wrong with a table, and what is unusual."""

    problems: tuple[str, ...]
    warnings: tuple[CheckResult, ...]


class TableEncoder(Protocol):
    """Check and encode one table after another: `begin`, `add` each of its files, `finish`."""

    def begin(self, table: Table, partitions: Sequence[str]) -> None:
        """Take files of this table; rows of these partitions at least are expected."""

    def add(self, staged: BinaryIO, target: BinaryIO, partition: str | None) -> EncodedFile:
        """Write the rows of a staged file as Parquet; after a problem, the target is of no use."""

    def finish(self) -> TableReport:
        """Return what was found in all files of the table."""


class LocalEncoder:
    """Encode in this process, within about so many bytes of memory."""

    def __init__(
        self, memory: int, open_file: Callable[[], BinaryIO] = tempfile.TemporaryFile
    ) -> None:
        self._most_batch_bytes = memory // _BATCHES_IN_MEMORY
        self._open_file = open_file
        self._table: Table | None = None
        self._checker: Checker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget a table that was begun and not finished."""
        if self._checker is not None:
            self._checker.close()
            self._checker = None

    def begin(self, table: Table, partitions: Sequence[str]) -> None:
        """Take files of this table; rows of these partitions at least are expected."""
        self.close()
        self._table = table
        self._checker = Checker(
            table, partitions, is_allowed=is_staged_as, open_file=self._open_file
        )

    def add(self, staged: BinaryIO, target: BinaryIO, partition: str | None) -> EncodedFile:
        """Write the rows of a staged file as Parquet; after a problem, the target is of no use."""
        checker, table = self._begun()
        if partition is not None:
            checker.begin_partition(partition)
        size = os.fstat(staged.fileno()).st_size
        stream = StagedStream(staged, size, self._most_batch_bytes)
        hashed = _HashedFile(target)
        rows = 0
        try:
            schema = stream.schema()
            if checker.add_schema(schema):
                with ParquetWriter(hashed, table) as writer:
                    for batch in stream.batches(schema):
                        rows += batch.num_rows
                        checker.add(batch)
                        if not checker.broken:
                            writer.add(batch)
        except StreamError as error:
            checker.add_problem(f"a staged file cannot be read: {error}")
        stream.drain()
        return EncodedFile(stream.digest, hashed.digest, rows)

    def finish(self) -> TableReport:
        """Return what was found in all files of the table."""
        checker, _ = self._begun()
        problems = checker.problems()
        self.close()
        return TableReport(problems, () if problems else checker.warnings())

    def _begun(self) -> tuple[Checker, Table]:
        if self._checker is None or self._table is None:
            raise RuntimeError("no table was begun")
        return self._checker, self._table


class _HashedFile:
    """Write to a file, and hash what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.closed = False

    @property
    def digest(self) -> FileDigest:
        """Return size and digest of what was written."""
        return FileDigest(self._file.tell(), self._sha256.hexdigest())

    def write(self, data: bytes) -> int:
        """Write all of the data."""
        self._sha256.update(data)
        return self._file.write(data)

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()

    def close(self) -> None:
        """Leave the file open, as its owner has opened it."""
