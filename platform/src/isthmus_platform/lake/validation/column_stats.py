"""What one column breaks of its contract, counted batch by batch."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Column
from isthmus_platform.lake.validation.values import AS_WRITTEN, Values

_EXAMPLES = 3
_SHOWN_CHARACTERS = 60


class ColumnStats:
    """Count the values of one column that break a rule, and remember the worst or the first."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self._nulls = 0
        self._below = 0
        self._above = 0
        self._smallest = math.inf
        self._largest = -math.inf
        self._no_choice = 0
        self._examples: dict[str, None] = {}
        self._rows = 0
        self._empty = 0
        self._low = 0
        self._high = 0

    @property
    def broken(self) -> bool:
        """Say whether a value broke a rule."""
        return bool(self._nulls or self._below or self._above or self._no_choice)

    def add(self, values: Values) -> None:
        """Count the values of the next batch."""
        column = self.column
        self._rows += len(values)
        if not column.nullable or column.warn_nulls is not None:
            self._empty += values.empty
            self._nulls += 0 if column.nullable else values.empty
        if any(each is not None for each in (column.minimum, column.maximum, *_warning(column))):
            self._add_bounded(values)
        if column.choices and len(_strange(values.known, column.choices)):
            strange = _strange(values.distinct, column.choices)
            self._no_choice += values.count(strange)
            for each in strange.unique().slice(0, _EXAMPLES).to_pylist():
                if len(self._examples) < _EXAMPLES:
                    self._examples[each] = None

    def problems(self) -> Iterator[str]:
        """Yield a clause for each rule that was broken."""
        column = self.column
        if self._nulls:
            nulls = "null" if column.type != "float64" else "null or NaN value"
            yield self._says(f"{counted(self._nulls, nulls)}", "not null")
        if self._below and column.minimum is not None:
            bound = _number(column.minimum)
            yield self._says(
                f"{counted(self._below, 'value')} below {bound} "
                f"(the smallest is {_number(self._smallest)})",
                f"at least {bound}",
            )
        if self._above and column.maximum is not None:
            bound = _number(column.maximum)
            yield self._says(
                f"{counted(self._above, 'value')} above {bound} "
                f"(the largest is {_number(self._largest)})",
                f"at most {bound}",
            )
        if self._no_choice:
            such = ", ".join(shown(example) for example in self._examples)
            yield self._says(
                f"{counted(self._no_choice, 'value')} outside its choices (such as {such})",
                "one of " + ", ".join(column.choices),
            )

    def warnings(self) -> Iterator[str]:
        """Yield a clause for each rule that only warns and was broken."""
        column = self.column
        if self._low and column.warn_minimum is not None:
            bound = _number(column.warn_minimum)
            found = f"{counted(self._low, 'value')} below {bound} "
            found += f"(the smallest is {_number(self._smallest)})"
            yield self._says(found, f"usually at least {bound}")
        if self._high and column.warn_maximum is not None:
            bound = _number(column.warn_maximum)
            found = f"{counted(self._high, 'value')} above {bound} "
            found += f"(the largest is {_number(self._largest)})"
            yield self._says(found, f"usually at most {bound}")
        if column.warn_nulls is not None and self._empty > column.warn_nulls * self._rows:
            found = f"{counted(self._empty, 'null')} in {counted(self._rows, 'row')}"
            yield self._says(found, f"usually at most {column.warn_nulls:.0%}")

    def _says(self, found: str, rule: str) -> str:
        return f"column {self.column.name!r} has {found}; the contract says {rule}"

    def _add_bounded(self, values: Values) -> None:
        least, most = values.extremes
        if least is None or most is None:
            return
        column, array = self.column, values.plain
        self._smallest = min(self._smallest, least)
        self._largest = max(self._largest, most)
        self._below += _count_below(array, least, column.minimum)
        self._low += _count_below(array, least, column.warn_minimum)
        self._above += _count_above(array, most, column.maximum)
        self._high += _count_above(array, most, column.warn_maximum)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 row` or `3 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown(value: object) -> str:
    """Return a value for a message: quoted if it is a text, and never long."""
    value = _plain(value) if isinstance(value, pa.Scalar) else value
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _plain(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (OverflowError, ValueError):  # no calendar goes as far
        return value.cast(AS_WRITTEN[value.type]).as_py()


def _count(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _strange(values: pa.Array, choices: Collection[str]) -> pa.Array:
    present = values.drop_null()
    return present.filter(pc.invert(pc.is_in(present, pa.array(choices, values.type))))


def _warning(column: Column) -> tuple[float | None, float | None]:
    return column.warn_minimum, column.warn_maximum


def _count_below(values: pa.Array, least: float, bound: float | None) -> int:
    if bound is None or least >= bound:
        return 0
    limit = math.ceil(bound) if values.type == pa.int64() else bound
    return _count(pc.less(values, _within(limit, values.type)))


def _count_above(values: pa.Array, most: float, bound: float | None) -> int:
    if bound is None or most <= bound:
        return 0
    limit = math.floor(bound) if values.type == pa.int64() else bound
    return _count(pc.greater(values, _within(limit, values.type)))


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def _within(bound: float, kind: pa.DataType) -> pa.Scalar:
    """Return the bound in the column's own type: an int64 compared as a float loses digits."""
    if kind == pa.int64():
        bound = max(-(2**63), min(2**63 - 1, int(bound)))
    return pa.scalar(bound, kind)
