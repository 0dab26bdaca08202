"""Whether each row has a key of its own.

Keys are compared exactly. They are mixed into integers only to find out cheaply that all differ: if
two of those are equal, the keys themselves are grouped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_platform.lake.validation.values import AS_WRITTEN, NUMBERED

_ODD = pa.scalar(0x9E3779B97F4A7C15, pa.uint64())  # 2**64 / golden ratio: spreads what it times
# At most as many fit into the processor's cache, where all together miss it at every row; of a few
# more pyarrow makes a table of four times the size.
_BUCKET_ROWS = 14_000
_MOST_BITS = 16


def find_duplicates(columns: Sequence[Sequence[pa.Array]]) -> pa.Table | None:
    """Return the keys that several rows have, named 0, 1 and so on, and their `count_all`.

    Each column of the key comes in batches, as many rows for one as for another.
    """
    keys = [_comparable(column) for column in columns]
    numbers = [_numbers(key) if key.type == NUMBERED else key for key in keys]
    if _ascend(numbers) or _differ(numbers):
        return None
    plain = [key.cast(pa.string()) if key.type == NUMBERED else key for key in keys]
    table = pa.table(plain, [str(i) for i in range(len(plain))])
    # Threads would group apart what they get, and almost every row is a group of its own.
    counts = table.group_by(table.column_names, use_threads=False).aggregate([([], "count_all")])
    found = counts.filter(pc.greater(counts["count_all"], 1))
    return found if found.num_rows else None


def _comparable(batches: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Return a column so that equal values are of equal bits; texts may be numbered."""
    if all(batch.type == NUMBERED for batch in batches):
        column = pa.chunked_array(batches).unify_dictionaries()
        dictionary = column.chunk(0).dictionary
        if len(dictionary.unique()) == len(dictionary):  # a file's own may repeat
            return column
    plain = [batch.dictionary_decode() if batch.type == NUMBERED else batch for batch in batches]
    column = pa.chunked_array(plain)
    if column.type == pa.string():
        return column.cast(pa.large_string())  # its dictionary may be longer than 2 GiB
    return pc.add(column, 0.0) if column.type == pa.float64() else column  # -0.0 becomes 0.0


def _numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.indices for chunk in texts.chunks])


def _ascend(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Say whether each row is above the one before, by its first column that differs.

    Most are written so. Texts that are numbered ascend if they first occur in that order.
    """
    ascend = pa.scalar(False)  # equal rows do not
    for column in reversed(columns):
        below, above = column[:-1], column[1:]
        ascend = pc.or_(pc.less(below, above), pc.and_(pc.equal(below, above), ascend))
    return bool(pc.all(ascend, skip_nulls=False).as_py())


def _differ(columns: Sequence[pa.ChunkedArray]) -> bool:
    """Say whether all rows differ for certain; False means that they have to be compared."""
    if any(column.null_count for column in columns):
        return False
    numbers = [
        _numbers(column.dictionary_encode()) if column.type == pa.large_string() else column
        for column in columns
    ]
    rows, parts = len(columns[0]), pa.cpu_count()
    starts = range(0, rows, -(-rows // parts))
    bits = min(max(1, (rows // _BUCKET_ROWS).bit_length()), _MOST_BITS)
    with ThreadPoolExecutor(parts) as beside:
        pieces = [[number.slice(start, starts.step) for number in numbers] for start in starts]
        buckets = zip(*beside.map(partial(_in_buckets, bits), pieces), strict=True)
        return all(beside.map(_all_differ, buckets))


def _in_buckets(bits: int, columns: Sequence[pa.ChunkedArray]) -> list[pa.Array]:
    """Return the rows, mixed, by the first bits of what they are mixed into."""
    mixed = pa.scalar(0, pa.uint64())
    for column in columns:
        mixed = pc.multiply(pc.add(mixed, _as_integers(column)), _ODD)
    mixed, shift = mixed.combine_chunks(), 64 - bits
    bucket = pc.shift_right(mixed, pa.scalar(shift, pa.uint64())).cast(pa.uint16())
    rows = mixed.take(pc.array_sort_indices(bucket))
    starts = [bisect_left(rows, index << shift, key=_value) for index in range(1 << bits)]
    return [rows[start:end] for start, end in pairwise((*starts, len(rows)))]


def _value(number: pa.Scalar) -> int:
    return int(number.as_py())


def _all_differ(pieces: Sequence[pa.Array]) -> bool:
    whole = pa.chunked_array(pieces)
    return len(whole.unique()) == len(whole)


def _as_integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type == pa.float64():
        return pa.chunked_array([chunk.view(pa.uint64()) for chunk in column.chunks])
    return column.cast(AS_WRITTEN.get(column.type, column.type)).cast(pa.uint64(), safe=False)
