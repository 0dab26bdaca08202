"""The rules of a table's contract, counted on Arrow data that are in memory as a whole.

Arrow looks at whole columns, and only where a rule is violated at which rows violate it. NaN counts
as null. `isthmus_contracts.rules` says what the rules are, and makes the sentences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Table
from isthmus_contracts.formatting import shown
from isthmus_contracts.rules import (
    MOST_EXAMPLES,
    MOST_EXAMPLES_IN_A_SENTENCE,
    CheckResult,
    Count,
    Kind,
    Rule,
    check_result,
    table_rules,
)

_LEAST, _MOST = -(2**63), 2**63 - 1
_EPOCH = date(1970, 1, 1).toordinal()
_MICROSECONDS_OF_DAY = 86_400_000_000


def check_results(
    table: Table, rows: pa.Table, parts: Mapping[str | None, int] | None = None
) -> Iterator[CheckResult]:
    """Yield a check result for each rule of the table; `rows` have the types of its columns.

    `parts` holds the number of rows of each partition, all of which must be large enough.
    """
    counter = _Counter(table, rows, {None: rows.num_rows} if parts is None else parts)
    for rule in table_rules(table):
        yield check_result(rule, counter.count(rule))


class _Counter:
    """Count what violates each rule of a table."""

    def __init__(self, table: Table, rows: pa.Table, sizes: Mapping[str | None, int]) -> None:
        self._table = table
        self._rows = rows
        self._sizes = sizes
        self._extremes: dict[str, dict[str, float | None]] = {}

    def count(self, rule: Rule) -> Count:
        """Return what violates the rule."""
        counts: Mapping[Kind, Callable[[Rule], Count]] = {
            "nulls": self._count_nulls,
            "finite": self._count_infinite,
            "years": self._count_beyond_years,
            "choices": self._count_strange,
            "minimum": self._count_beyond,
            "maximum": self._count_beyond,
            "key": self._count_repeated,
            "min_rows": self._count_small,
        }
        return counts[rule.kind](rule)

    def _count_small(self, rule: Rule) -> Count:
        small = [name for name, size in self._sizes.items() if size < rule.limit]
        named = tuple(name for name in small if name is not None)
        return Count(len(small), sizes=self._sizes, examples=named)

    def _count_nulls(self, rule: Rule) -> Count:
        values = self._rows[rule.column]
        nulls = pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))
        count = pc.sum(nulls).as_py() or 0
        examples = self._keys_where(nulls) if count > rule.limit * len(values) else ()
        return Count(count, len(values), examples=examples)

    def _count_infinite(self, rule: Rule) -> Count:
        infinite = pc.is_inf(self._rows[rule.column])
        count = pc.sum(infinite).as_py() or 0
        return Count(count, examples=self._keys_where(infinite) if count else ())

    def _count_beyond_years(self, rule: Rule) -> Count:
        values = self._rows[rule.column]
        is_date = pa.types.is_date(values.type)
        units = 1 if is_date else _MICROSECONDS_OF_DAY
        numbers = values.cast(pa.int32() if is_date else pa.int64())
        first = (date.min.toordinal() - _EPOCH) * units
        last = (date.max.toordinal() - _EPOCH + 1) * units - 1
        extremes = pc.min_max(numbers).as_py()
        if extremes["min"] is None or first <= extremes["min"] <= extremes["max"] <= last:
            return Count(0)
        outside = pc.or_(pc.less(numbers, first), pc.greater(numbers, last))
        return Count(pc.sum(outside).as_py(), examples=self._keys_where(outside))

    def _count_strange(self, rule: Rule) -> Count:
        values = self._rows[rule.column]
        strange = pc.invert(pc.is_in(values, pa.array([*rule.choices, None], values.type)))
        count = pc.sum(strange).as_py() or 0
        if not count:
            return Count(0)
        distinct = values.filter(strange).unique()[:MOST_EXAMPLES_IN_A_SENTENCE].to_pylist()
        texts = [_quoted(text) for text in distinct]
        return Count(count, values=texts, examples=self._keys_where(strange))

    def _count_beyond(self, rule: Rule) -> Count:
        values, is_minimum = self._rows[rule.column], rule.kind == "minimum"
        if rule.column not in self._extremes:
            self._extremes[rule.column] = pc.min_max(values).as_py()
        extreme = self._extremes[rule.column]["min" if is_minimum else "max"]
        if extreme is None or not (
            extreme < rule.limit if is_minimum else extreme > rule.limit
        ):  # NaN is neither
            return Count(0)
        compare = pc.less if is_minimum else pc.greater
        beyond = compare(*_comparable(values, rule.limit, up=is_minimum))
        return Count(pc.sum(beyond).as_py(), extreme=extreme, examples=self._keys_where(beyond))

    def _count_repeated(self, rule: Rule) -> Count:
        if _all_differ([self._rows[name] for name in rule.key]):
            return Count(0)
        # Threads would group apart what they get, and almost every row is a group of its own.
        groups = self._rows.select(rule.key).group_by(list(rule.key), use_threads=False)
        counts = groups.aggregate([([], "count_all")])
        if counts.num_rows == self._rows.num_rows:
            return Count(0)
        repeated = counts.filter(pc.greater(counts["count_all"], 1))
        few = pa.array(range(min(MOST_EXAMPLES, repeated.num_rows)))
        keys = _keys(repeated, rule.key, few)
        rows = pc.sum(repeated["count_all"]).as_py()
        return Count(rows, keys=repeated.num_rows, values=keys, examples=keys)

    def _keys_where(self, mask: pa.ChunkedArray) -> tuple[str, ...]:
        return keys_where(self._table, self._rows, mask)


def keys_where(table: Table, rows: pa.Table, mask: pa.ChunkedArray) -> tuple[str, ...]:
    """Return the keys of a few rows for which `mask` is true; without a key, their numbers."""
    return _keys(rows, table.key, pc.indices_nonzero(mask)[:MOST_EXAMPLES])


def _all_differ(key: Sequence[pa.ChunkedArray]) -> bool:
    """Say whether no key occurs twice; False if that takes grouping to find out.

    Each key becomes one integer, which takes a tenth of the time of grouping.
    """
    numbers, possible = pa.scalar(0, pa.int64()), 1
    for column in key:
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):  # more than 2 GiB of text
            return False
        distinct = len(encoded.dictionary) + 1  # and null
        codes = pc.fill_null(encoded.indices.cast(pa.int64()), distinct - 1)
        numbers = pc.add(pc.multiply(numbers, distinct), codes)
        possible *= distinct
    return possible <= _MOST and len(pc.unique(numbers)) == len(numbers)


def _keys(rows: pa.Table, key: tuple[str, ...], which: pa.Array) -> tuple[str, ...]:
    """Return the keys of these rows as texts; of a table without a key, the rows' numbers."""
    if not key:
        return tuple(f"row {number}" for number in which.to_pylist())
    columns = [_texts(rows[name].take(which)) for name in key]
    return tuple(f"({', '.join(texts)})" for texts in zip(*columns, strict=True))


def _texts(column: pa.ChunkedArray) -> list[str]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us"))  # with a zone, it needs a database of them
    # No Python date is as late as the latest of Arrow.
    texts = column.cast(pa.string()).to_pylist()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [_quoted(text) for text in texts]
    zone = "Z" if pa.types.is_timestamp(kind) else ""
    return [f"{text.removesuffix('.000000')}{zone}" if text else "null" for text in texts]


def _quoted(text: str | None) -> str:
    return "null" if text is None else shown(text)


def _comparable(
    values: pa.ChunkedArray, bound: float, *, up: bool
) -> tuple[pa.ChunkedArray, pa.Scalar]:
    """Return values and bound in one type: an int64 compared as a float loses digits."""
    if not pa.types.is_integer(values.type):
        return values, pa.scalar(bound, values.type)
    if not _LEAST <= bound <= _MOST:
        return values.cast(pa.float64(), safe=False), pa.scalar(bound, pa.float64())
    return values, pa.scalar(math.ceil(bound) if up else math.floor(bound), values.type)
