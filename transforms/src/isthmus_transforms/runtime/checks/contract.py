"""The rules that a contract sets for a table's values, each with a check_result.

Arrow looks at whole columns, and only where a rule is broken at which rows break it. The words are
those in which the platform tells the same when it accepts a table. NaN counts as null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Column, Table
from isthmus_transforms.runtime.checks.result import (
    LONGEST_EXAMPLE,
    MOST_EXAMPLES,
    CheckResult,
    Level,
    counted,
    shortened,
)

_SHOWN_VALUES = 3
_LEAST, _MOST = -(2**63), 2**63 - 1


def check_results(
    table: Table, rows: pa.Table, parts: Mapping[str | None, int] | None = None
) -> Iterator[CheckResult]:
    """Yield a check result for each rule of the table; `rows` have the types of its columns.

    `parts` holds the number of rows of each partition, all of which must be large enough.
    """
    for column in table.columns:
        yield from _of_column(_Rows(table, rows, column))
    if table.key:
        yield _of_key(table, rows)
    if table.min_rows:
        yield _of_size(table, {None: rows.num_rows} if parts is None else parts)


class _Rows:
    """Judge one column of some rows."""

    def __init__(self, table: Table, rows: pa.Table, column: Column) -> None:
        self.column = column
        self.values = rows[column.name]
        self._rows = rows
        self._key = table.key

    def check_result(
        self, field: str, level: Level, rule: str, found: str = "", broken: pa.ChunkedArray = None
    ) -> CheckResult:
        """Return that the rule is kept, or what was `found` of the rows that are `broken`."""
        check = f"{self.column.name}.{field}"
        if broken is None:
            return CheckResult(check, level, True, f"column {self.column.name!r} is {rule}")
        which = pc.indices_nonzero(broken)
        clause = f"column {self.column.name!r} has {found}; the contract says {rule}"
        keys = _keys(self._rows, self._key, which[:MOST_EXAMPLES])
        return CheckResult(check, level, False, clause, len(which), keys)


def _of_column(rows: _Rows) -> Iterator[CheckResult]:
    column = rows.column
    if not column.nullable or column.warn_nulls is not None:
        yield _of_nulls(rows)
    if column.choices:
        yield _of_choices(rows)
    bounds = (column.minimum, column.maximum, column.warn_minimum, column.warn_maximum)
    if any(bound is not None for bound in bounds):
        yield from _of_bounds(rows)


def _of_nulls(rows: _Rows) -> CheckResult:
    column, values = rows.column, rows.values
    share = column.warn_nulls or 0.0
    nulls = pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))
    count = pc.sum(nulls).as_py() or 0
    broken = nulls if count > share * len(values) else None
    if column.nullable:
        found = f"{counted(count, 'null')} in {counted(len(values), 'row')}"
        return rows.check_result(
            "warn_nulls", "warning", f"usually at most {share:.0%}", found, broken
        )
    noun = "null or NaN value" if column.type == "float64" else "null"
    return rows.check_result("nullable", "error", "not null", counted(count, noun), broken)


def _of_choices(rows: _Rows) -> CheckResult:
    choices = rows.column.choices
    rule = f"one of {', '.join(choices)}"
    known = pa.array([*choices, None], rows.values.type)
    strange = pc.invert(pc.is_in(rows.values, known))
    if not pc.any(strange).as_py():
        return rows.check_result("choices", "error", rule)
    values = rows.values.filter(strange)
    such = ", ".join(_shown(each) for each in values.unique()[:_SHOWN_VALUES].to_pylist())
    found = f"{counted(len(values), 'value')} outside its choices (such as {such})"
    return rows.check_result("choices", "error", rule, found, strange)


def _of_bounds(rows: _Rows) -> Iterator[CheckResult]:
    column, values = rows.column, rows.values
    extremes = pc.min_max(values).as_py()
    bounds: tuple[tuple[str, Level, str], ...] = (
        ("minimum", "error", "at least"),
        ("maximum", "error", "at most"),
        ("warn_minimum", "warning", "usually at least"),
        ("warn_maximum", "warning", "usually at most"),
    )
    for field, level, words in bounds:
        bound = getattr(column, field)
        if bound is None:
            continue
        below = field.endswith("minimum")
        extreme = extremes["min" if below else "max"]
        rule = f"{words} {_number(bound)}"
        if extreme is None or not (extreme < bound if below else extreme > bound):  # NaN is neither
            yield rows.check_result(field, level, rule)
            continue
        compare, side, kind = (
            (pc.less, "below", "smallest") if below else (pc.greater, "above", "largest")
        )
        broken = compare(*_comparable(values, bound, up=below))
        count = counted(pc.sum(broken).as_py(), "value")
        found = f"{count} {side} {_number(bound)} (the {kind} is {_number(extreme)})"
        yield rows.check_result(field, level, rule, found, broken)


def _of_key(table: Table, rows: pa.Table) -> CheckResult:
    names = ", ".join(table.key)
    # Threads would group apart what they get, and almost every row is a group of its own.
    groups = rows.select(table.key).group_by(list(table.key), use_threads=False)
    counts = groups.aggregate([([], "count_all")])
    if counts.num_rows == rows.num_rows:
        return CheckResult("key", "error", True, f"there is one row for each key ({names})")
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    keys = _keys(twice, table.key, pa.array(range(min(MOST_EXAMPLES, twice.num_rows))))
    several = pc.sum(twice["count_all"]).as_py()
    found = (
        f"{counted(twice.num_rows, 'key')} ({names}) in {several} rows, such as "
        f"{', '.join(keys[:_SHOWN_VALUES])}; the contract says one row for each key"
    )
    return CheckResult("key", "error", False, found, several, keys)


def _of_size(table: Table, parts: Mapping[str | None, int]) -> CheckResult:
    small = {name: size for name, size in parts.items() if size < table.min_rows}
    if not small:
        rule = f"there are at least {counted(table.min_rows, 'row')}"
        return CheckResult("min_rows", "error", True, rule)
    told = [
        counted(size, "row") if name is None else f"{counted(size, 'row')} in partition {name}"
        for name, size in list(small.items())[:MOST_EXAMPLES]
    ]
    more = f" and in {len(small) - len(told)} more too few" if len(small) > len(told) else ""
    found = f"there are only {', '.join(told)}{more}; the contract says {table.min_rows}"
    examples = tuple(name for name in small if name is not None)
    return CheckResult("min_rows", "error", False, found, len(small), examples)


def _keys(rows: pa.Table, key: tuple[str, ...], which: pa.Array) -> tuple[str, ...]:
    """Return the keys of these rows as texts; of a table without a key, the rows' numbers."""
    if not key:
        return tuple(f"row {number}" for number in which.to_pylist())
    columns = [_texts(rows[name].take(which)) for name in key]
    return tuple(f"({', '.join(each)})" for each in zip(*columns, strict=True))


def _texts(column: pa.ChunkedArray) -> list[str]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us"))  # with a zone, it needs a database of them
    # No Python date is as late as the latest of Arrow.
    texts = column.cast(pa.string()).to_pylist()
    if pa.types.is_string(kind):
        return [_shown(text) for text in texts]
    zone = "Z" if pa.types.is_timestamp(kind) else ""
    return [f"{text.removesuffix('.000000')}{zone}" if text else "null" for text in texts]


def _shown(text: str | None) -> str:
    return "null" if text is None else shortened(repr(text), LONGEST_EXAMPLE // 2)


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def _comparable(
    values: pa.ChunkedArray, bound: float, *, up: bool
) -> tuple[pa.ChunkedArray, pa.Scalar]:
    """Return values and bound in one type: an int64 compared as a float loses digits."""
    if not pa.types.is_integer(values.type):
        return values, pa.scalar(bound, values.type)
    if not _LEAST <= bound <= _MOST:
        return values.cast(pa.float64(), safe=False), pa.scalar(bound, pa.float64())
    return values, pa.scalar(math.ceil(bound) if up else math.floor(bound), values.type)
