from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, replace

import pytest

from isthmus_contracts import Column, Metric, Metrics, Table
from isthmus_contracts.rules import (
    SCHEMA_PASSED,
    CheckResult,
    Count,
    Level,
    Rule,
    check_result,
    column_rules,
    is_violated,
    metric_results,
    schema_problems,
    table_rules,
)

COLUMNS = (
    Column("day", "date", "Day."),
    Column("airport", "string", "Airport.", choices=("EWR", "JFK")),
    Column("delay", "float64", "Delay.", minimum=-60.5, maximum=600, warn_maximum=300),
    Column("gust", "float64", "Gust.", nullable=True, warn_nulls=0.2, warn_minimum=1),
)
DAYS = Table("days", "Days.", COLUMNS, key=("day", "airport"), min_rows=2)
RULES = {rule.check: rule for rule in table_rules(DAYS)}
FAILED = CheckResult("a.minimum", "error", False, "column 'a' is low", 2, ("(1)", "(2)"))


def test_a_table_has_the_rules_of_its_columns_its_key_and_its_size() -> None:
    levels = {check: rule.level for check, rule in RULES.items()}
    assert levels == {
        "day.nullable": "error",
        "day.years": "error",
        "airport.nullable": "error",
        "airport.choices": "error",
        "delay.nullable": "error",
        "delay.finite": "error",
        "delay.minimum": "error",
        "delay.maximum": "error",
        "delay.warn_maximum": "warning",
        "gust.finite": "error",
        "gust.warn_nulls": "warning",
        "gust.warn_minimum": "warning",
        "key": "error",
        "min_rows": "error",
    }
    assert RULES["key"].key == ("day", "airport")
    assert (RULES["min_rows"].limit, RULES["delay.minimum"].limit) == (2, -60.5)
    assert [rule.check for rule in column_rules(COLUMNS[0])] == ["day.nullable", "day.years"]


def test_a_table_without_key_and_size_has_no_rule_for_them() -> None:
    table = Table("days", "Days.", (Column("note", "string", "Note.", nullable=True),))
    assert list(table_rules(table)) == []


def test_a_rule_is_data() -> None:
    assert RULES["key"] == Rule("key", "key", key=("day", "airport"))
    with pytest.raises(FrozenInstanceError):
        RULES["key"].limit = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("check", "count", "message"),
    [
        ("day.nullable", Count(1, 9), "column 'day' has 1 null; the contract says not null"),
        (
            "delay.nullable",
            Count(2, 9),
            "column 'delay' has 2 null or NaN values; the contract says not null",
        ),
        (
            "gust.finite",
            Count(1),
            (
                "column 'gust' has 1 infinite value (make it null, or limit it); "
                "the contract says finite"
            ),
        ),
        (
            "day.years",
            Count(2),
            (
                "column 'day' has 2 values in other years (make them null); "
                "the contract says in the years 1 to 9999"
            ),
        ),
        (
            "gust.warn_nulls",
            Count(3, 10),
            "column 'gust' has 3 nulls in 10 rows; the contract says usually at most 20%",
        ),
        (
            "airport.choices",
            Count(4, values=["'A'", "'B'", "'C'", "'D'"]),
            (
                "column 'airport' has 4 values outside its choices (such as 'A', 'B', 'C'); "
                "the contract says one of EWR, JFK"
            ),
        ),
        (
            "delay.minimum",
            Count(1, extreme=-61.0),
            (
                "column 'delay' has 1 value below -60.5 (the smallest is -61); "
                "the contract says at least -60.5"
            ),
        ),
        (
            "delay.maximum",
            Count(2, extreme=math.inf),
            (
                "column 'delay' has 2 values above 600 (the largest is inf); "
                "the contract says at most 600"
            ),
        ),
        (
            "delay.warn_maximum",
            Count(2),
            "column 'delay' has 2 values above 300; the contract says usually at most 300",
        ),
        (
            "gust.warn_minimum",
            Count(1, extreme=0.5),
            (
                "column 'gust' has 1 value below 1 (the smallest is 0.5); "
                "the contract says usually at least 1"
            ),
        ),
        (
            "key",
            Count(3, keys=1, values=["(2013-01-01, 'EWR')"]),
            (
                "1 key (day, airport) in 3 rows, such as (2013-01-01, 'EWR'); "
                "the contract says one row for each key"
            ),
        ),
    ],
)
def test_a_violated_rule_is_a_sentence(check: str, count: Count, message: str) -> None:
    rule = RULES[check]
    result = check_result(rule, replace(count, examples=("(1)",)))
    assert is_violated(rule, count)
    expected = CheckResult(check, rule.level, False, message, count.violations, ("(1)",))
    assert result == expected


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("day.nullable", "column 'day' is not null"),
        ("day.years", "column 'day' is in the years 1 to 9999"),
        ("delay.finite", "column 'delay' is finite"),
        ("gust.warn_nulls", "column 'gust' has at most 20% nulls"),
        ("airport.choices", "column 'airport' is one of EWR, JFK"),
        ("delay.minimum", "column 'delay' is at least -60.5"),
        ("delay.warn_maximum", "column 'delay' is usually at most 300"),
        ("key", "there is one row for each key (day, airport)"),
        ("min_rows", "there are at least 2 rows"),
    ],
)
def test_a_rule_that_passed_is_a_sentence(check: str, message: str) -> None:
    result = check_result(RULES[check], Count(0, 10, sizes={None: 2}))
    assert result == CheckResult(check, RULES[check].level, True, message)


def test_a_share_of_nulls_may_be_reached_and_not_exceeded() -> None:
    rule = RULES["gust.warn_nulls"]
    assert check_result(rule, Count(2, 10)).violations == 0
    assert not is_violated(rule, Count(2, 10))
    assert is_violated(rule, Count(3, 10))
    assert not is_violated(rule, Count(0, 0))


@pytest.mark.parametrize(
    ("sizes", "found", "violations"),
    [
        ({None: 1}, "there is only 1 row", 1),
        ({None: 0}, "there are only 0 rows", 1),
        ({"2013-01": 2, "2013-02": 0}, "there are only 0 rows in partition 2013-02", 1),
        (
            {str(year): year % 2 for year in range(2001, 2008)},
            (
                "there is only 1 row in partition 2001, 0 rows in partition 2002, "
                "1 row in partition 2003, 0 rows in partition 2004, 1 row in partition 2005 "
                "and too few in 2 more partitions"
            ),
            7,
        ),
    ],
)
def test_too_few_rows_are_counted_by_partition(
    sizes: dict[str | None, int], found: str, violations: int
) -> None:
    result = check_result(RULES["min_rows"], Count(0, sizes=sizes))
    assert (result.passed, result.violations) == (False, violations)
    assert result.message == f"{found}; the contract says 2"


def test_no_partition_is_enough() -> None:
    assert check_result(RULES["min_rows"], Count(0, sizes={})).passed


@pytest.mark.parametrize(
    ("names", "problems"),
    [
        (("gust", "delay", "airport", "day"), []),
        (
            ("day", "day", "airport", "delay", "x", "y\n", "x"),
            [
                "column 'day' occurs 2 times; the contract says once",
                "column 'gust' is missing; the contract says float64",
                "column 'x' is not in the contract",
                "column 'y\\n' is not in the contract",
            ],
        ),
    ],
)
def test_each_wrong_column_is_a_clause(names: Sequence[str], problems: list[str]) -> None:
    assert list(schema_problems(DAYS, names)) == problems


QUALITY = Metrics(
    "quality",
    "How good it is.",
    (Metric("score", "S.", minimum=0, maximum=0.5), Metric("rows", "R.")),
)


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({"score": 0.5, "rows": 3}, {}),
        ({"score": 0.5}, {"rows": "metric 'rows' is missing"}),
        (
            {"score": 0.75, "rows": -math.inf},
            {
                "score": "metric 'score' is 0.75; the contract says at most 0.5",
                "rows": "metric 'rows' is -inf; the contract says finite",
            },
        ),
        (
            {"score": -1.0, "rows": None},
            {
                "score": "metric 'score' is -1; the contract says at least 0",
                "rows": "metric 'rows' is null; the contract says not null",
            },
        ),
        (
            {"score": math.nan, "rows": True, "x\n": 1},
            {
                "score": "metric 'score' is nan; the contract says not null",
                "rows": "metric 'rows' is a bool, which is not a number",
                "metrics": "metric 'x\\n' is not in the contract",
            },
        ),
    ],
)
def test_each_wrong_metric_is_a_result(values: dict[str, object], messages: dict[str, str]) -> None:
    results = list(metric_results(QUALITY, values))
    failed = [result for result in results if not result.passed]
    assert {result.check: result.message for result in failed} == messages
    assert all((result.level, result.violations) == ("error", 1) for result in failed)
    assert [result.check for result in results][:2] == ["score", "rows"]


NULLABLE = replace(QUALITY, metrics=(replace(QUALITY.metrics[0], nullable=True),))


@pytest.mark.parametrize(
    ("value", "message", "passed"),
    [
        (None, "metric 'score' is null", True),
        (math.nan, "metric 'score' is nan", True),
        (0.5, "metric 'score' is 0.5", True),
        (math.inf, "metric 'score' is inf; the contract says finite", False),
        (0.75, "metric 'score' is 0.75; the contract says at most 0.5", False),
        ("x", "metric 'score' is a str, which is not a number", False),
    ],
)
def test_a_nullable_metric_may_be_undefined(value: object, message: str, passed: bool) -> None:
    (result,) = metric_results(NULLABLE, {"score": value})
    assert (result.message, result.passed) == (message, passed)
    assert not next(metric_results(NULLABLE, {})).passed


def test_a_metric_that_passed_shows_its_value() -> None:
    score, rows = metric_results(QUALITY, {"score": 0.1, "rows": 3})
    assert score == CheckResult("score", "error", True, "metric 'score' is 0.1")
    assert rows == CheckResult("rows", "error", True, "metric 'rows' is 3")


@pytest.mark.parametrize(
    ("level", "passed", "refused"),
    [("error", False, True), ("error", True, False), ("warning", False, False)],
)
def test_only_a_failed_error_refuses_data(level: Level, passed: bool, refused: bool) -> None:
    assert replace(FAILED, level=level, passed=passed).is_refusal is refused
    assert not SCHEMA_PASSED.is_refusal


def test_at_most_three_examples_are_in_a_sentence_and_none_twice() -> None:
    few = ("r1", "r2", "r3", "r4")
    assert replace(FAILED, message="bad", examples=few).sentence == "bad (see r1, r2, r3)"
    named = replace(FAILED, message="bad, such as row 1", examples=("row 1",))
    assert named.sentence == "bad, such as row 1"
    assert replace(FAILED, message="bad", examples=()).sentence == "bad"


def test_a_bounded_result_has_a_few_short_examples_on_one_line() -> None:
    many = replace(FAILED, message="y\n" * 10_000, examples=("x" * 1_000,) * 9)
    bounded = many.bounded()
    assert [len(example) for example in bounded.examples] == [100] * 5
    assert len(bounded.message) == 500
    assert "\n" not in bounded.message
    assert FAILED.bounded() == FAILED
