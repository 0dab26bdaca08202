"""Whether each row has a key of its own.

Keys are compared exactly. They are mixed into integers only to find out cheaply that all differ: if
two of those are equal, the keys themselves are grouped.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_platform.lake.values import AS_WRITTEN, NUMBERED

_ODD = pa.scalar(0x9E3779B97F4A7C15, pa.uint64())  # 2**64 / golden ratio: spreads what it times
_BUCKET_SHIFT = pa.scalar(56, pa.uint64())


def repeated(columns: Sequence[Sequence[pa.Array]]) -> pa.Table | None:
    """Return the keys that several rows have, named 0, 1 and so on, and their `count_all`.

    Each column of the key comes in batches, as many rows for one as for another.
    """
    keys = [_comparable(each) for each in columns]
    numbers = [each.indices if pa.types.is_dictionary(each.type) else each for each in keys]
    if _ascend(numbers) or _differ(numbers):
        return None
    plain = [
        each.dictionary_decode() if pa.types.is_dictionary(each.type) else each for each in keys
    ]
    table = pa.table(plain, [str(i) for i in range(len(plain))])
    # Threads would group apart what they get, and almost every row is a group of its own.
    counts = table.group_by(table.column_names, use_threads=False).aggregate([([], "count_all")])
    found = counts.filter(pc.greater(counts["count_all"], 1))
    return found if found.num_rows else None


def _comparable(batches: Sequence[pa.Array]) -> pa.Array:
    """Return a column whole, so that equal values are of equal bits; texts may be numbered."""
    if all(each.type == NUMBERED for each in batches):
        whole = pa.chunked_array(batches).unify_dictionaries().combine_chunks()
        if len(whole.dictionary.unique()) == len(whole.dictionary):  # a file's own may repeat
            return whole
        batches = [whole]
    plain = [each.dictionary_decode() if each.type == NUMBERED else each for each in batches]
    column = pa.chunked_array(plain)
    if column.type == pa.string():
        column = column.cast(pa.large_string())  # as one array it may be longer than 2 GiB
    if column.type == pa.float64():
        column = pc.add(column, 0.0)  # -0.0 becomes 0.0
    return column.combine_chunks()


def _ascend(columns: Sequence[pa.Array]) -> bool:
    """Say whether each row is above the one before, by its first column that differs.

    Most are written so. Texts that are numbered ascend if they first occur in that order.
    """
    ascend: pa.Array = pa.scalar(False)  # equal rows do not
    for column in reversed(columns):
        below, above = column[:-1], column[1:]
        ascend = pc.or_(pc.less(below, above), pc.and_(pc.equal(below, above), ascend))
    return bool(pc.all(ascend, skip_nulls=False).as_py())


def _differ(columns: Sequence[pa.Array]) -> bool:
    """Say whether all rows differ for certain; False means that they have to be compared."""
    if any(each.null_count for each in columns):
        return False
    mixed = pa.scalar(0, pa.uint64())
    for column in columns:
        mixed = pc.multiply(pc.add(mixed, _as_integers(column)), _ODD)
    # A bucket fits into the processor's cache, where all together miss it at every row.
    bucket = pc.shift_right(mixed, _BUCKET_SHIFT).cast(pa.uint8())
    rows = mixed.take(pc.array_sort_indices(bucket))
    counts = {each["values"]: each["counts"] for each in bucket.value_counts().to_pylist()}
    start, buckets = 0, []
    for _, count in sorted(counts.items()):
        buckets.append(rows.slice(start, count))
        start += count
    with ThreadPoolExecutor(pa.cpu_count()) as beside:
        return all(beside.map(lambda each: len(each.unique()) == len(each), buckets))


def _as_integers(column: pa.Array) -> pa.Array:
    if column.type == pa.large_string():
        column = column.dictionary_encode().indices
    if column.type != pa.float64():
        column = column.cast(AS_WRITTEN.get(column.type, column.type)).cast(pa.int64())
    return column.view(pa.uint64())
