from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from isthmus_contracts import Column
from isthmus_platform.lake.validation.column_stats import ColumnStats, shown_scalar
from isthmus_platform.lake.validation.values import Values

DELAY = Column("delay", "float64", "Delay.", nullable=True, minimum=-60, warn_maximum=300)


def stats(column: Column, *batches: list[object]) -> ColumnStats:
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    found = ColumnStats(column)
    for batch in batches:
        array = pa.array(batch, kinds[column.type], from_pandas=False)
        found.add(Values(array, column.type))
    return found


def test_violations_are_counted_over_batches_with_the_worst_value() -> None:
    found = stats(DELAY, [-61.0, 0.0, None], [-75.0, math.nan, 301.0])
    finite, minimum, maximum = found.results()
    assert (finite.check, finite.passed) == ("delay.finite", True)
    assert (minimum.check, minimum.level, minimum.violations) == ("delay.minimum", "error", 2)
    assert "(the smallest is -75)" in minimum.message
    assert (maximum.check, maximum.level, maximum.violations) == (
        "delay.warn_maximum",
        "warning",
        1,
    )
    assert "(the largest is 301)" in maximum.message
    assert found.broken


def test_a_rule_that_warns_does_not_make_a_column_broken() -> None:
    found = stats(DELAY, [301.0])
    assert not found.broken
    assert [result.passed for result in found.results()] == [True, True, False]


def test_the_first_values_outside_the_choices_are_named_once() -> None:
    column = Column("airport", "string", "Airport.", choices=("EWR",))
    found = stats(column, ["LGA", "EWR", "LGA"], ["JFK"], ["BOS", "SFO"])
    nulls, choices = found.results()
    assert nulls.passed
    assert choices.violations == 5
    assert "(such as 'LGA', 'JFK', 'BOS')" in choices.message


def test_a_column_without_rows_passes_every_rule() -> None:
    assert all(result.passed for result in stats(DELAY).results())
    assert all(result.passed for result in stats(DELAY, []).results())


@pytest.mark.parametrize(
    ("bounds", "values", "violations"),
    [
        ({"minimum": 2**62 + 1}, [2**62, 2**62 + 1], 1),
        ({"minimum": 0.5}, [0, 1], 1),
        ({"maximum": 1.5}, [1, 2], 1),
        ({"maximum": 1e300}, [2**63 - 1], 0),
    ],
)
def test_whole_numbers_are_compared_as_such(
    bounds: dict[str, Any], values: list[object], violations: int
) -> None:
    column = Column("x", "int64", "X.", nullable=True, **bounds)
    (result,) = stats(column, values).results()
    assert result.violations == violations


def test_a_value_beyond_every_calendar_can_be_shown() -> None:
    assert shown_scalar(pa.scalar("a\n")) == "'a\\n'"
    latest = pa.scalar(2**62, pa.timestamp("us", "UTC"))
    assert shown_scalar(latest) == str(2**62)
