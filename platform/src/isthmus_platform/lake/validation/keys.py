"""Whether each row has a key of its own, in memory that does not grow with the table.

Keys that ascend differ, and most tables are written so. Otherwise each key is mixed into an integer
of 64 bits, and the integers are compared, a part of them at a time. What waits for that lies in a
file. Where integers are equal, the keys themselves are compared.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from isthmus_platform.lake.validation.values import AS_WRITTEN

# Odd, so that no two integers become one, and secret, so that nobody can choose keys that do.
_ODD = pa.scalar(secrets.randbits(64) | 1, pa.uint64())
_PART_ROWS = 1 << 22
# At most as many fit into the processor's cache; of a few more pyarrow makes a table of four times
# the size.
_BUCKET_ROWS = 14_000
_MOST_COMPARED = 1_000
_BYTES = 8  # of a mixed key


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Say how many keys are those of several rows, of how many, and a few of these keys."""

    keys: int
    rows: int
    examples: tuple[tuple[pa.Scalar, ...], ...]


class KeyCheck:
    """Take the columns of a key batch by batch, and find the keys that several rows have."""

    def __init__(self, open_file: Callable[[], BinaryIO] = tempfile.TemporaryFile) -> None:
        """Keep what waits in the file that `open_file` returns; nothing else is in it."""
        self._open_file = open_file
        self._file: BinaryIO | None = None
        self._writer: ipc.RecordBatchStreamWriter | None = None
        self._last: list[pa.Array] = []
        self._ascend = True
        self._rows = 0

    def add(self, columns: Sequence[pa.Array]) -> None:
        """Take the next rows; columns have the same types in each batch."""
        if not len(columns[0]):
            return
        names = [str(i) for i in range(len(columns))]
        batch = pa.record_batch([_comparable(column) for column in columns], names)
        self._rows += len(batch)
        if self._ascend:
            self._ascend = self._goes_on(batch.columns)
            self._last = [_copied(column[-1:]) for column in batch.columns]
        if self._writer is None:
            self._file = self._open_file()
            self._writer = ipc.new_stream(self._file, batch.schema)
        self._writer.write_batch(batch)

    def duplicates(self) -> Duplicates | None:
        """Return the keys that several rows have, or None if none has; the check ends."""
        if self._file is None or self._writer is None:
            return None
        with self._file as file:
            self._writer.close()
            file.flush()
            return None if self._ascend else _find(file, self._rows)

    def close(self) -> None:
        """Close the file, if the check has not ended."""
        if self._file is not None:
            self._file.close()

    def _goes_on(self, columns: Sequence[pa.Array]) -> bool:
        """Say whether the rows ascend, and the first is above the last before."""
        pairs = zip(self._last, columns, strict=False)  # no pair for the first batch
        across = [pa.concat_arrays([last, column[:1]]) for last, column in pairs]
        return (not across or _ascend(across)) and _ascend(columns)


def _find(file: BinaryIO, rows: int) -> Duplicates | None:
    keys = repeated_rows = 0
    few: list[pa.Array] = []
    for pieces in _parts(file, rows):
        repeated = _repeated(pieces)
        if repeated is not None:
            keys += len(repeated)
            repeated_rows += pc.sum(repeated["rows"]).as_py()
            room = _MOST_COMPARED - sum(map(len, few))
            few.append(repeated["mixed"].combine_chunks()[:room])
    if not keys:
        return None
    found = _compared(file, pa.concat_arrays(few))
    if keys <= _MOST_COMPARED:  # all of them were compared
        keys, repeated_rows = len(found), pc.sum(found["rows"]).as_py() or 0
    examples = zip(*(column[:_MOST_COMPARED] for column in found.columns[:-1]), strict=True)
    return Duplicates(keys, repeated_rows, tuple(examples)) if keys else None


def _batches(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    file.seek(0)
    with ipc.open_stream(file) as stream:
        yield from stream


def _parts(file: BinaryIO, rows: int) -> Iterator[list[pa.Array]]:
    """Yield all keys, mixed, in parts by their first bits; each part in pieces."""
    bits = (rows // _PART_ROWS).bit_length()
    places: list[list[tuple[int, int]]] = [[] for _ in range(1 << bits)]
    descriptor = file.fileno()
    end = os.fstat(descriptor).st_size
    for batch in _batches(file):
        for part, piece in zip(places, _split(_mixed(batch.columns), 0, bits), strict=True):
            if len(piece):
                part.append((end, len(piece)))
                end += _write(descriptor, _copied(piece).buffers()[1], end)
    for part in places:
        yield [_read(descriptor, place, count) for place, count in part]


def _write(descriptor: int, data: pa.Buffer, place: int) -> int:
    view = memoryview(data)
    written = 0
    while written < len(view):
        written += os.pwrite(descriptor, view[written:], place + written)
    return written


def _read(descriptor: int, place: int, count: int) -> pa.Array:
    data = b""
    while len(data) < _BYTES * count:
        data += os.pread(descriptor, _BYTES * count - len(data), place + len(data))
    return pa.Array.from_buffers(pa.uint64(), count, [None, pa.py_buffer(data)])


def _repeated(pieces: Sequence[pa.Array]) -> pa.Table | None:
    """Return what occurs several times among these integers, if any does, and in how many rows."""
    rows = sum(map(len, pieces))
    if not rows or (rows < 2 * _PART_ROWS and _all_differ(pa.chunked_array(pieces))):
        return None
    found: pa.Table | None = None
    for piece in pieces:  # one by one: one key that all rows have makes a large part
        found = _counted(found, pa.table({"mixed": piece}))
    return None if found is None or not len(_several(found)) else _several(found)


def _all_differ(part: pa.ChunkedArray) -> bool:
    skipped = (len(part) // _PART_ROWS).bit_length()
    bits = (len(part) // _BUCKET_ROWS).bit_length()
    buckets = _split(part.combine_chunks(), skipped, bits)
    return all(len(bucket.unique()) == len(bucket) for bucket in buckets)


def _compared(file: BinaryIO, mixed: pa.Array) -> pa.Table:
    """Return the keys that are mixed into these integers and that several rows have."""
    found: pa.Table | None = None
    for batch in _batches(file):
        keys = pa.table(batch).filter(pc.is_in(_mixed(batch.columns), mixed))
        found = _counted(found, keys)
    assert found is not None  # noqa: S101 - for mypy: there are rows
    return _several(found)


def _counted(before: pa.Table | None, values: pa.Table) -> pa.Table:
    """Return the distinct rows of `values`, and of what was counted before, with their number."""
    rows = values.append_column("rows", pa.repeat(pa.scalar(1, pa.int64()), len(values)))
    rows = rows if before is None else pa.concat_tables([before, rows])
    # Threads would group apart what they get, and often each row is a group of its own.
    counts = rows.group_by(values.column_names, use_threads=False).aggregate([("rows", "sum")])
    return counts.rename_columns([*values.column_names, "rows"])


def _several(counts: pa.Table) -> pa.Table:
    return counts.filter(pc.greater(counts["rows"], 1))


def _comparable(column: pa.Array) -> pa.Array:
    """Return a column so that equal values are of equal bits: -0.0 becomes 0.0."""
    return pc.add(column, 0.0) if column.type == pa.float64() else column


def _copied(column: pa.Array) -> pa.Array:
    """Return the column without the memory that it is a slice of."""
    return pa.concat_arrays([column, column[:0]])


def _ascend(columns: Sequence[pa.Array]) -> bool:
    """Say whether each row is above the one before, by its first column that differs."""
    ascend = pa.scalar(False)  # equal rows do not
    for column in reversed(columns):
        below, above = column[:-1], column[1:]
        ascend = pc.or_(pc.less(below, above), pc.and_(pc.equal(below, above), ascend))
    return bool(pc.all(ascend, skip_nulls=False, min_count=0).as_py())


def _mixed(columns: Sequence[pa.Array]) -> pa.Array:
    mixed = pa.scalar(0, pa.uint64())
    for column in columns:
        mixed = pc.multiply(pc.add(mixed, _as_integers(column)), _ODD)
    return pc.fill_null(mixed, 0)


def _as_integers(column: pa.Array) -> pa.Array:
    if column.type == pa.string():
        texts = column.dictionary_encode()
        # Python's own hash of a text differs from process to process, so nobody can foresee it.
        hashes = pa.array([hash(text) for text in texts.dictionary.to_pylist()], pa.int64())
        return hashes.take(texts.indices).view(pa.uint64())
    if column.type == pa.float64():
        return column.view(pa.uint64())
    return column.cast(AS_WRITTEN.get(column.type, column.type)).cast(pa.uint64(), safe=False)


def _split(integers: pa.Array, skipped: int, bits: int) -> list[pa.Array]:
    """Return the integers by `bits` of their bits, after the first `skipped`."""
    if not bits:
        return [integers]
    left = pc.shift_left(integers, pa.scalar(skipped, pa.uint64()))
    bucket = pc.shift_right(left, pa.scalar(64 - bits, pa.uint64())).cast(pa.uint16())
    sizes = [0] * (1 << bits)
    for found in bucket.value_counts().to_pylist():
        sizes[found["values"]] = found["counts"]
    ordered = integers.take(pc.array_sort_indices(bucket))
    return [ordered[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]
