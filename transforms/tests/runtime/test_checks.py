from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_contracts import Column, Table
from isthmus_transforms.runtime.checks import broken_rules

COLUMNS = (
    Column("day", "date", "Day."),
    Column("airport", "string", "Airport.", choices=("EWR", "JFK")),
    Column("flights", "int64", "Flights.", minimum=1, maximum=100),
    Column("delay", "float64", "Delay.", nullable=True, minimum=-60.5),
)
DAYS = Table("days", "One row per day and airport.", COLUMNS, key=("day", "airport"), min_rows=1)
GOOD = pd.DataFrame(
    {
        "day": pd.to_datetime(["2013-01-01", "2013-01-01", "2013-01-02"]),
        "airport": ["EWR", "JFK", "EWR"],
        "flights": [1, 100, 50],
        "delay": [-60.5, np.nan, 600.0],
    }
)


def test_values_within_every_rule_are_fine() -> None:
    assert broken_rules(DAYS, GOOD) == []


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("day", pd.to_datetime(["2013-01-01", None, None]), "2 values such as NaT; {}not null"),
        ("airport", ["EWR", "LGA", "lga"], "2 values such as 'LGA', 'lga'; {}one of EWR, JFK"),
        ("flights", [0, 1, -3], "2 values such as 0, -3; {}at least 1"),
        ("flights", [0, 0, 0], "3 values such as 0; {}at least 1"),
        ("flights", [101, 1, 1], "1 values such as 101; {}at most 100"),
        ("flights", pd.Series([1, None, 1], dtype="Int64"), "1 values such as <NA>; {}not null"),
        ("delay", [-61.0, np.nan, np.inf], "1 values such as -61.0; {}at least -60.5"),
    ],
)
def test_a_broken_rule_is_a_sentence_with_examples(
    column: str, values: object, problem: str
) -> None:
    said = problem.format("the contract says ")
    assert broken_rules(DAYS, GOOD.assign(**{column: values})) == [f"column {column!r} has {said}"]


def test_several_broken_rules_are_several_sentences() -> None:
    bad = GOOD.assign(airport=["EWR", None, "LGA"], flights=[0, 101, 50])
    assert broken_rules(DAYS, bad) == [
        "column 'airport' has 1 values such as nan; the contract says not null",
        "column 'airport' has 1 values such as 'LGA'; the contract says one of EWR, JFK",
        "column 'flights' has 1 values such as 0; the contract says at least 1",
        "column 'flights' has 1 values such as 101; the contract says at most 100",
    ]


def test_too_few_rows_in_any_part_break_a_rule() -> None:
    parts = {"2013-01": 3, "2013-02": 0, "2013-03": 1}
    assert broken_rules(DAYS, GOOD, parts) == [
        "partition '2013-02' has 0 rows; the contract says at least 1"
    ]
    assert broken_rules(DAYS, GOOD, {}) == []


def test_too_few_rows_break_a_rule() -> None:
    assert broken_rules(DAYS, GOOD[:0]) == ["it has 0 rows; the contract says at least 1"]


def test_no_rows_may_be_fine() -> None:
    assert broken_rules(Table("days", "Days.", COLUMNS), GOOD[:0]) == []


def test_a_repeated_key_breaks_a_rule_whatever_the_other_columns_say() -> None:
    bad = GOOD.assign(day=GOOD["day"][0])
    assert broken_rules(DAYS, bad) == [
        "1 rows repeat a key (day, airport), such as (2013-01-01 00:00:00, 'EWR')"
    ]


def test_at_most_three_repeated_keys_are_shown() -> None:
    table = Table("t", "T.", (Column("id", "int64", "Id."),), key=("id",))
    frame = pd.DataFrame({"id": [1, 2, 3, 4] * 2})
    assert broken_rules(table, frame) == ["4 rows repeat a key (id), such as (1), (2), (3)"]


@pytest.mark.parametrize(
    "index",
    [["same", "same", "same"], pd.MultiIndex.from_tuples([(1, "a")] * 3, names=["day", "airport"])],
)
def test_the_index_does_not_matter(index: list[str] | pd.MultiIndex) -> None:
    bad = GOOD.assign(flights=[0, 101, 50]).set_axis(index)
    assert len(broken_rules(DAYS, bad)) == 2
    assert broken_rules(DAYS, GOOD.set_axis(index)) == []


def test_the_frame_is_left_as_it_was() -> None:
    before = GOOD.copy()
    broken_rules(DAYS, GOOD)
    pd.testing.assert_frame_equal(GOOD, before)


def test_a_column_of_nulls_keeps_every_rule_but_the_one_on_nulls() -> None:
    columns = tuple(
        Column(
            each.name, each.type, "C.", nullable=True, minimum=each.minimum, choices=each.choices
        )
        for each in COLUMNS
    )
    nulls = pd.DataFrame({each.name: pd.Series([None], dtype=object) for each in columns})
    assert broken_rules(Table("days", "Days.", columns), nulls) == []
