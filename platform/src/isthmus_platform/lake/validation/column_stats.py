"""What one column violates of its contract, counted batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Column
from isthmus_contracts.formatting import shown
from isthmus_contracts.rules import (
    MOST_EXAMPLES_IN_A_SENTENCE,
    CheckResult,
    Count,
    Rule,
    check_result,
    column_rules,
)
from isthmus_platform.lake.validation.values import AS_WRITTEN, Values, count_true


class ColumnStats:
    """Count the values of one column that violate a rule, and remember the worst or the first."""

    def __init__(self, column: Column) -> None:
        self._rules = tuple(column_rules(column))
        self._violations = dict.fromkeys((rule.check for rule in self._rules), 0)
        self._smallest = math.inf
        self._largest = -math.inf
        self._strange: dict[str, None] = {}
        self._rows = 0

    @property
    def broken(self) -> bool:
        """Say whether a value violates a rule that does more than warn."""
        return any(self._violations[rule.check] for rule in self._rules if rule.level == "error")

    def add(self, values: Values) -> None:
        """Count the values of the next batch."""
        self._rows += len(values)
        for rule in self._rules:
            self._violations[rule.check] += self._count(rule, values)

    def results(self) -> Iterator[CheckResult]:
        """Yield a result for each rule of the column."""
        for rule in self._rules:
            extreme = {"minimum": self._smallest, "maximum": self._largest}.get(rule.kind)
            values = [shown(value) for value in self._strange]
            found = Count(self._violations[rule.check], self._rows, extreme, values)
            yield check_result(rule, found)

    def _count(self, rule: Rule, values: Values) -> int:
        match rule.kind:
            case "nulls":
                return values.empty
            case "finite":
                return values.infinite
            case "years":
                return values.beyond_years
            case "choices":
                return self._count_strange(rule, values)
            case _:
                return self._count_beyond(rule, values)

    def _count_beyond(self, rule: Rule, values: Values) -> int:
        least, most = values.extremes
        if least is None or most is None:
            return 0
        if rule.kind == "minimum":
            self._smallest = min(self._smallest, least)
            return _count_below(values.array, least, rule.limit)
        self._largest = max(self._largest, most)
        return _count_above(values.array, most, rule.limit)

    def _count_strange(self, rule: Rule, values: Values) -> int:
        choices = pa.array(rule.choices, values.array.type)
        strange = pc.invert(pc.is_in(values.array.drop_null(), choices))
        if not pc.any(strange).as_py():
            return 0
        distinct = values.array.drop_null().filter(strange).unique()
        for value in distinct.slice(0, MOST_EXAMPLES_IN_A_SENTENCE).to_pylist():
            if len(self._strange) < MOST_EXAMPLES_IN_A_SENTENCE:
                self._strange[value] = None
        return count_true(strange)


def shown_scalar(value: pa.Scalar) -> str:
    """Return a value of Arrow for a message."""
    return shown(_plain(value))


def _plain(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (OverflowError, ValueError):  # no calendar goes as far
        return value.cast(AS_WRITTEN[value.type]).as_py()


def _count_below(values: pa.Array, least: float, bound: float) -> int:
    if least >= bound:
        return 0
    limit = math.ceil(bound) if values.type == pa.int64() else bound
    return count_true(pc.less(values, _within(limit, values.type)))


def _count_above(values: pa.Array, most: float, bound: float) -> int:
    if most <= bound:
        return 0
    limit = math.floor(bound) if values.type == pa.int64() else bound
    return count_true(pc.greater(values, _within(limit, values.type)))


def _within(bound: float, kind: pa.DataType) -> pa.Scalar:
    """Return the bound in the column's own type: an int64 compared as a float loses digits."""
    if kind == pa.int64():
        bound = max(-(2**63), min(2**63 - 1, int(bound)))
    return pa.scalar(bound, kind)
