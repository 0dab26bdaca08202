from __future__ import annotations

import datetime as dt
import math

import pyarrow as pa
import pytest

from isthmus_contracts import Column, ColumnType, Table
from isthmus_contracts.protocol import CheckFinished
from isthmus_contracts.rules import CheckResult
from isthmus_transforms.runtime.checks import contract
from isthmus_transforms.runtime.checks.contract import check_results
from isthmus_transforms.runtime.checks.result import check_finished, refusals
from isthmus_transforms.runtime.frames.types import arrow_schema

COLUMNS = (
    Column("day", "date", "Day."),
    Column("airport", "string", "Airport.", choices=("EWR", "JFK")),
    Column("flights", "int64", "Flights.", minimum=1, maximum=100),
    Column("delay", "float64", "Delay.", nullable=True, minimum=-60.5),
)
DAYS = Table("days", "One row per day and airport.", COLUMNS, key=("day", "airport"), min_rows=1)
FIRST, SECOND = dt.date(2013, 1, 1), dt.date(2013, 1, 2)
GOOD = {
    "day": [FIRST, FIRST, SECOND],
    "airport": ["EWR", "JFK", "EWR"],
    "flights": [1, 100, 50],
    "delay": [-60.5, None, 600.0],
}


def _rows(table: Table = DAYS, **columns: object) -> pa.Table:
    given = {column.name: (GOOD | columns)[column.name] for column in table.columns}
    return pa.table(given, pa.schema([field.with_nullable(True) for field in arrow_schema(table)]))


def _broken(table: Table, rows: pa.Table) -> list[CheckResult]:
    return [check_result for check_result in check_results(table, rows) if not check_result.passed]


def test_values_within_every_rule_are_fine() -> None:
    found = list(check_results(DAYS, _rows()))
    assert all(result.passed and result.level == "error" for result in found)
    assert [result.check for result in found] == [
        *("day.nullable", "day.years", "airport.nullable", "airport.choices"),
        *("flights.nullable", "flights.minimum", "flights.maximum"),
        *("delay.finite", "delay.minimum", "key", "min_rows"),
    ]
    assert refusals(found) == []


BAD = [
    ("day", [FIRST, None, None], "nullable", 2, "2 nulls; {}not null"),
    (
        "airport",
        ["EWR", "LGA", "lga"],
        "choices",
        2,
        "2 values outside its choices (such as 'LGA', 'lga'); {}one of EWR, JFK",
    ),
    ("flights", [0, 1, -3], "minimum", 2, "2 values below 1 (the smallest is -3); {}at least 1"),
    ("flights", [101, 1, 1], "maximum", 1, "1 value above 100 (the largest is 101); {}at most 100"),
    ("flights", [1, None, 1], "nullable", 1, "1 null; {}not null"),
    (
        "delay",
        [-61.0, None, math.inf],
        "minimum",
        1,
        "1 value below -60.5 (the smallest is -61); {}at least -60.5",
    ),
    (
        "delay",
        [math.nan, -math.inf, 0.0],
        "minimum",
        1,
        "1 value below -60.5 (the smallest is -inf); {}at least -60.5",
    ),
    (
        "delay",
        [math.nan, -math.inf, math.inf],
        "finite",
        2,
        "2 infinite values (make them null, or limit them); {}finite",
    ),
]


@pytest.mark.parametrize(("column", "values", "field", "broken", "clause"), BAD)
def test_a_broken_rule_is_a_check_result_with_count_and_keys(
    column: str, values: list[object], field: str, broken: int, clause: str
) -> None:
    rows = _rows(**{column: values})
    found = {result.check: result for result in _broken(DAYS, rows) if result.check != "key"}
    check_result = found.pop(f"{column}.{field}")
    infinite = any(isinstance(value, float) and math.isinf(value) for value in values)
    assert set(found) <= ({"delay.finite", "delay.minimum"} if infinite else set())
    assert check_result.level == "error"
    said = clause.format("the contract says ")
    assert check_result.message == f"column {column!r} has {said}"
    assert check_result.violations == broken
    assert len(check_result.examples) == broken


def test_examples_are_the_keys_of_rows() -> None:
    (check_result,) = _broken(DAYS, _rows(flights=[1, 0, -1]))
    assert check_result.examples == ("(2013-01-01, 'JFK')", "(2013-01-02, 'EWR')")
    (refusal,) = refusals([check_result])
    assert refusal.endswith("at least 1 (see (2013-01-01, 'JFK'), (2013-01-02, 'EWR'))")


def test_without_a_key_examples_are_numbers_of_rows() -> None:
    table = Table("days", "Days.", COLUMNS)
    (check_result,) = _broken(table, _rows(flights=[1, 0, -1]))
    assert check_result.examples == ("row 1", "row 2")


def test_an_instant_in_a_key_is_shown_even_after_the_last_year_of_python() -> None:
    columns = (Column("at", "timestamp", "At."), Column("x", "int64", "X.", minimum=0))
    table = Table("t", "T.", columns, key=("at",))
    instants = pa.array([2**60, 0], pa.timestamp("us", "UTC"))
    rows = pa.table({"at": instants, "x": [-1, -1]}, arrow_schema(table))
    years, check_result = _broken(table, rows)
    assert (years.check, years.examples) == ("at.years", check_result.examples[:1])
    assert check_result.examples[1] == "(1970-01-01 00:00:00Z)"
    assert len(check_result.examples) == 2


def test_several_broken_rules_are_several_check_results() -> None:
    found = _broken(DAYS, _rows(airport=["EWR", None, "LGA"], flights=[0, 101, 50]))
    assert [result.check for result in found] == [
        *("airport.nullable", "airport.choices", "flights.minimum", "flights.maximum")
    ]


def test_a_warning_is_a_check_result_and_no_refusal() -> None:
    columns = (
        Column("a", "int64", "A.", warn_minimum=0, warn_maximum=9),
        Column("b", "string", "B.", nullable=True, warn_nulls=0.5),
    )
    table = Table("t", "T.", columns)
    rows = pa.table({"a": [-1, 10, 5], "b": ["x", None, None]}, arrow_schema(table))
    found = _broken(table, rows)
    assert [(result.check, result.level, result.message) for result in found] == [
        (
            "a.warn_minimum",
            "warning",
            (
                "column 'a' has 1 value below 0 (the smallest is -1); "
                "the contract says usually at least 0"
            ),
        ),
        (
            "a.warn_maximum",
            "warning",
            (
                "column 'a' has 1 value above 9 (the largest is 10); "
                "the contract says usually at most 9"
            ),
        ),
        (
            "b.warn_nulls",
            "warning",
            "column 'b' has 2 nulls in 3 rows; the contract says usually at most 50%",
        ),
    ]
    assert refusals(found) == []
    allowed = pa.table({"a": [0, 9], "b": ["x", None]}, arrow_schema(table))
    assert _broken(table, allowed) == []


@pytest.mark.parametrize(
    ("bounds", "values", "broken"),
    [
        ({"minimum": 2**62 + 1}, [2**62, 2**62 + 1], 1),
        ({"minimum": 0.5}, [0, 1], 1),
        ({"maximum": 1.5}, [1, 2], 1),
        ({"maximum": 1e300}, [2**63 - 1], 0),
        ({"minimum": 1e300}, [2**63 - 1], 1),
    ],
)
def test_whole_numbers_are_compared_as_such(
    bounds: dict[str, float], values: list[int], broken: int
) -> None:
    table = Table("t", "T.", (Column("x", "int64", "X.", **bounds),))  # type: ignore[arg-type]
    found = list(check_results(table, pa.table({"x": values})))
    assert sum(result.violations for result in found) == broken


def test_too_few_rows_in_any_part_break_a_rule() -> None:
    parts: dict[str | None, int] = {"2013-01": 3, "2013-02": 0, "2013-03": 1}
    (check_result,) = [
        check_result
        for check_result in check_results(DAYS, _rows(), parts)
        if not check_result.passed
    ]
    assert check_result.message == "there are only 0 rows in partition 2013-02; the contract says 1"
    assert (check_result.violations, check_result.examples) == (1, ("2013-02",))
    assert all(check_result.passed for check_result in check_results(DAYS, _rows(), {}))


def test_of_many_parts_with_too_few_rows_some_are_named() -> None:
    parts: dict[str | None, int] = {f"2013-{month:02}": 0 for month in range(1, 13)}
    (check_result,) = [
        check_result
        for check_result in check_results(DAYS, _rows(), parts)
        if not check_result.passed
    ]
    assert check_result.message.endswith(
        "in partition 2013-05 and too few in 7 more partitions; the contract says 1"
    )
    assert (check_result.violations, len(check_result.bounded().examples)) == (12, 5)


def test_too_few_rows_break_a_rule() -> None:
    (check_result,) = _broken(DAYS, _rows()[:0])
    assert check_result.message == "there are only 0 rows; the contract says 1"


def test_no_rows_may_be_fine() -> None:
    assert _broken(Table("days", "Days.", COLUMNS, key=("day",)), _rows()[:0]) == []


def test_a_repeated_key_breaks_a_rule_whatever_the_other_columns_say() -> None:
    (check_result,) = _broken(DAYS, _rows(day=[FIRST, FIRST, FIRST]))
    assert check_result.message == (
        "1 key (day, airport) in 2 rows, such as (2013-01-01, 'EWR'); "
        "the contract says one row for each key"
    )
    assert (check_result.check, check_result.violations) == ("key", 2)


@pytest.mark.parametrize(
    ("ids", "names", "repeated"),
    [
        ([1, 1, 2], ["a", "b", "a"], 0),
        ([2, 1, 2, 1], ["b", "b", "a", "a"], 0),
        ([2, 1, 2], ["a", "a", "a"], 2),
        ([None, 1, None], ["a", None, "b"], 0),
        ([None, 1, None], ["a", None, "a"], 2),
        ([2**63 - 1, -(2**63), 0], ["a", "a", "a"], 0),
    ],
)
@pytest.mark.parametrize("most", [2**63 - 1, 1])
def test_keys_are_found_repeated_in_any_order(
    monkeypatch: pytest.MonkeyPatch,
    ids: list[int | None],
    names: list[str | None],
    repeated: int,
    most: int,
) -> None:
    monkeypatch.setattr(contract, "_MOST", most)  # of 1, keys do not become integers
    columns = (Column("id", "int64", "A."), Column("name", "string", "B."))
    table = Table("t", "T.", columns, key=("id", "name"))
    rows = pa.table({"id": pa.array(ids, pa.int64()), "name": pa.array(names, pa.large_string())})
    (result,) = [result for result in check_results(table, rows) if result.check == "key"]
    assert result.violations == repeated


def test_at_most_five_repeated_keys_are_shown() -> None:
    table = Table("t", "T.", (Column("id", "int64", "Id."),), key=("id",))
    (check_result,) = _broken(table, pa.table({"id": [*range(9)] * 2}))
    assert (check_result.violations, check_result.examples) == (
        18,
        ("(0)", "(1)", "(2)", "(3)", "(4)"),
    )
    assert "such as (0), (1), (2); the contract" in check_result.message


def test_a_column_of_nulls_keeps_every_rule_but_the_one_on_nulls() -> None:
    columns = tuple(
        Column(
            *(column.name, column.type, "C."),
            nullable=True,
            minimum=column.minimum,
            choices=column.choices,
        )
        for column in COLUMNS
    )
    table = Table("days", "Days.", columns)
    nulls = pa.table({column.name: [None] for column in columns}, arrow_schema(table))
    assert _broken(table, nulls) == []


@pytest.mark.parametrize("values", [[math.nan], [math.nan, None], [math.nan, 1.0, math.nan]])
def test_nan_is_beyond_no_bound(values: list[float | None]) -> None:
    bounds = {"minimum": 0, "maximum": 5, "warn_minimum": 1, "warn_maximum": 2}
    table = Table("t", "T.", (Column("delay", "float64", "D.", nullable=True, **bounds),))
    rows = pa.table({"delay": pa.array(values, pa.float64(), from_pandas=False)})
    assert _broken(table, rows) == []


DAY, MICROSECONDS = dt.date(1970, 1, 1).toordinal(), 86_400_000_000


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ("date", 1 - DAY, dt.date.max.toordinal() - DAY),
        (
            "timestamp",
            (1 - DAY) * MICROSECONDS,
            (dt.date.max.toordinal() + 1 - DAY) * MICROSECONDS - 1,
        ),
    ],
)
def test_a_day_that_python_cannot_represent_breaks_a_rule(
    kind: ColumnType, first: int, last: int
) -> None:
    table = Table("t", "T.", (Column("at", kind, "At.", nullable=True),))
    (stored,) = arrow_schema(table).types
    plain = pa.int32() if kind == "date" else pa.int64()

    def broken(*numbers: int | None) -> list[CheckResult]:
        values = pa.array(numbers, plain).view(stored)
        return _broken(table, pa.table({"at": pa.chunked_array([values])}))

    assert broken(first, None, last) == broken(None) == broken() == []
    (result,) = broken(first - 1, 0, last + 1)
    assert (result.check, result.violations) == ("at.years", 2)
    assert result.examples == ("row 0", "row 2")
    assert result.message == (
        "column 'at' has 2 values in other years (make them null); "
        "the contract says in the years 1 to 9999"
    )


def test_whatever_the_values_an_event_is_short_and_on_one_line() -> None:
    choices = tuple(f"choice {number}" for number in range(1000))
    columns = (Column("name", "string", "N.", choices=choices),)
    table = Table("t", "T.", columns, key=("name",))
    rows = pa.table({"name": [f"{number}\n\x1b{'x' * 9999}" for number in range(2000)]})
    events = [check_finished("t", result) for result in check_results(table, rows)]
    (broken,) = [event.result for event in events if not event.result.passed]
    assert isinstance(events[0], CheckFinished)
    assert broken.violations == 2000
    assert len(broken.message) <= 500
    assert len(broken.examples) == 5
    assert all(len(example) <= 100 for example in broken.examples)
    assert all(example.isprintable() for example in (broken.message, *broken.examples))
