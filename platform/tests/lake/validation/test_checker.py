from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from isthmus_contracts import Column, ColumnType, Partitioning, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.schemas import arrow_type, is_staged_as
from isthmus_platform.lake.validation.checker import Checker

Batch = Callable[..., pa.RecordBatch]


def problems(table: Table, *batches: pa.RecordBatch) -> tuple[str, ...]:
    checker = Checker(table)
    for batch in batches:
        checker.add(batch)
    try:
        checker.finish()
    except TableContractError as error:
        return error.problems
    return ()


def test_good_rows_are_counted(days: Table, batch: Batch) -> None:
    checker = Checker(days)
    checker.add(batch())
    checker.add(batch(date=[date(2013, 1, 2)] * 2))
    assert not checker.broken
    assert checker.finish() == 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"late_share": [0.5, 1.5]},
            (
                "column 'late_share' has 1 value above 1 (the largest is 1.5); "
                "the contract says at most 1"
            ),
        ),
        (
            {"late_share": [-0.25, -0.5]},
            (
                "column 'late_share' has 2 values below 0 (the smallest is -0.5); "
                "the contract says at least 0"
            ),
        ),
        (
            {"gust": [math.inf, math.inf]},
            (
                "column 'gust' has 2 infinite values (make them null, or limit them); "
                "the contract says finite"
            ),
        ),
        (
            {"updated": pa.array([2**61, 0]).cast(pa.timestamp("us", "UTC"))},
            (
                "column 'updated' has 1 value in other years (make it null); "
                "the contract says in the years 1 to 9999"
            ),
        ),
        (
            {"date": pa.array([-719163, -719162], pa.int32()).view(pa.date32())},
            (
                "column 'date' has 1 value in other years (make it null); "
                "the contract says in the years 1 to 9999"
            ),
        ),
        (
            {"flights": pa.array([1.0, 2.0])},
            "column 'flights' has type float64; the contract says int64",
        ),
        (
            {"late_share": [math.nan, None]},
            "column 'late_share' has 2 null or NaN values; the contract says not null",
        ),
        ({"flights": [None, 1]}, "column 'flights' has 1 null; the contract says not null"),
        (
            {"flights": [0, -7]},
            (
                "column 'flights' has 2 values below 1 (the smallest is -7); "
                "the contract says at least 1"
            ),
        ),
        (
            {"origin": ["EWR", "X\n"]},
            (
                "column 'origin' has 1 value outside its choices (such as 'X\\n'); "
                "the contract says one of EWR, JFK, LGA"
            ),
        ),
        (
            {"origin": ["EWR", "EWR"]},
            (
                "1 key (origin, date) in 2 rows, such as ('EWR', 2013-01-01); "
                "the contract says one row for each key"
            ),
        ),
        (
            {"flights": pa.array([1, 2], pa.int32())},
            "column 'flights' has type int32; the contract says int64",
        ),
        (
            {"updated": pa.array([0, 0], pa.timestamp("us"))},
            "column 'updated' has type timestamp without a time zone; the contract says timestamp",
        ),
        ({"extra": [1, 2]}, "column 'extra' is not in the contract"),
    ],
)
def test_each_problem_is_a_sentence(
    days: Table, batch: Batch, changes: dict[str, object], problem: str
) -> None:
    assert problems(days, batch(**changes)) == (f"table 'days': {problem}",)


def test_a_missing_column_is_named(days: Table, batch: Batch) -> None:
    (problem,) = problems(days, batch().drop_columns(["flights"]))
    assert problem == ("table 'days': column 'flights' is missing; the contract says int64")


def test_a_column_that_occurs_twice_is_named(days: Table, batch: Batch) -> None:
    good = batch()
    twice = pa.RecordBatch.from_arrays(
        [*good.columns, good.column("flights")], [*good.schema.names, "flights"]
    )
    assert problems(days, twice) == (
        "table 'days': column 'flights' occurs 2 times; the contract says once",
    )


def test_everything_is_said_at_once_and_the_message_stays_short(days: Table, batch: Batch) -> None:
    bad = batch(
        origin=["XXX", "XXX"],
        flights=[0, None],
        late_share=[2.0, -1.0],
        gust=pa.array([1, 2], pa.int64()),
        extra=[1, 1],
    ).drop_columns(["updated"])
    checker = Checker(days)
    checker.add(bad)
    with pytest.raises(TableContractError, match="table 'days' breaks its contract:") as caught:
        checker.finish()
    assert len(caught.value.problems) == 9
    assert len(str(caught.value).splitlines()) == 7
    assert str(caught.value).endswith("- and 4 more")


def test_problems_add_up_over_batches(days: Table, batch: Batch) -> None:
    found = problems(days, batch(), batch(flights=[0, 1]), batch(flights=[-1, -2]))
    assert [result.split(";")[0].removeprefix("table 'days': ") for result in found] == [
        "column 'flights' has 3 values below 1 (the smallest is -2)",
        "2 keys (origin, date) in 6 rows, such as ('EWR', 2013-01-01), ('JFK', 2013-01-01)",
    ]


def test_nan_and_null_are_free_where_the_column_is_nullable(days: Table, batch: Batch) -> None:
    assert problems(days, batch(gust=[math.nan, None])) == ()


def test_infinity_is_a_number_with_bounds_too(days: Table, batch: Batch) -> None:
    finite, maximum = problems(days, batch(late_share=[math.inf, 0.0]))
    assert "1 infinite value (make it null, or limit it)" in finite
    assert "above 1 (the largest is inf)" in maximum
    finite, minimum = problems(days, batch(late_share=[-math.inf, -0.25]))
    assert "1 infinite value" in finite
    assert "2 values below 0 (the smallest is -inf)" in minimum


def test_too_few_rows(days: Table, batch: Batch) -> None:
    (problem,) = problems(days, batch().slice(0, 0))
    assert problem == "table 'days': there are only 0 rows; the contract says 1"
    assert problems(days) == (problem,)


def test_bounds_of_integers_are_exact() -> None:
    table = Table("t", "T.", (Column("n", "int64", "N.", maximum=2**53),))
    just_above = pa.record_batch({"n": [2**53, 2**53 + 1]})
    (problem,) = problems(table, just_above)
    assert "1 value above 9007199254740992 (the largest is 9007199254740993)" in problem
    halves = Table("t", "T.", (Column("n", "int64", "N.", minimum=0.5, maximum=1.5),))
    found = problems(halves, pa.record_batch({"n": [0, 1, 2]}))
    assert [result.split(" (")[0] for result in found] == [
        "table 't': column 'n' has 1 value below 0.5",
        "table 't': column 'n' has 1 value above 1.5",
    ]


@pytest.mark.parametrize("bound", [1e300, -1e300, 2.0**63, -(2.0**63)])
def test_bounds_beyond_every_integer_do_no_harm(bound: float) -> None:
    table = Table("t", "T.", (Column("n", "int64", "N.", minimum=bound),))
    broken = problems(table, pa.record_batch({"n": [0, 2**63 - 2]}))
    assert bool(broken) is (bound > 0)


def test_a_long_value_is_cut(days: Table, batch: Batch) -> None:
    (problem,) = problems(days, batch(origin=["EWR", "x" * 10_000]))
    assert len(problem) < 300


def test_bytes_that_are_no_text_are_refused(days: Table, batch: Batch) -> None:
    broken = pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\x00\0\0\0\x01\0\0\0\x02\0\0\0"), pa.py_buffer(b"\xff\xfe")
    )
    found = problems(days, batch(origin=broken))
    assert found[0].startswith("table 'days': the data cannot be read: ")


def test_a_key_may_have_any_name() -> None:
    table = Table("t", "T.", (Column("count_all", "int64", "N."),), key=("count_all",))
    (problem,) = problems(table, pa.record_batch({"count_all": [1, 1, 2]}))
    assert problem.startswith("table 't': 1 key (count_all) in 2 rows, such as (1);")


@pytest.mark.parametrize(
    "encode",
    [
        lambda texts: texts.cast(pa.large_string()),
        lambda texts: texts.cast(pa.string_view()),
        lambda texts: texts.dictionary_encode(),
        lambda texts: texts.cast(pa.large_string()).dictionary_encode(),
    ],
)
def test_texts_in_any_encoding(
    days: Table, batch: Batch, encode: Callable[[pa.Array], pa.Array]
) -> None:
    assert problems(days, batch(origin=encode(pa.array(["EWR", "JFK"])))) == ()
    (problem,) = problems(days, batch(origin=encode(pa.array(["EWR", "BOS"]))))
    assert "(such as 'BOS')" in problem


def test_a_text_of_a_dictionary_that_does_not_occur_is_no_value(days: Table, batch: Batch) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1]), ["EWR", "JFK", "BOS"])
    assert problems(days, batch(origin=texts)) == ()


def test_only_the_types_that_are_allowed(days: Table, batch: Batch) -> None:
    with Checker(days, is_allowed=is_staged_as) as checker:
        checker.add(batch(origin=pa.array(["EWR", "JFK"]).dictionary_encode()))
        (problem, *_) = checker.problems()
    assert "has type dictionary<values=string, indices=int32, ordered=0>" in problem


@pytest.mark.parametrize("partitions", [(), ("2013-01", "2013-02")])
def test_rows_belong_to_the_partition_that_has_begun(partitions: tuple[str, ...]) -> None:
    columns = (Column("day", "date", "Day."),)
    table = Table("t", "T.", columns, min_rows=1, partitioning=Partitioning("day", "month"))
    checker = Checker(table, partitions)
    for name, day in (("2013-01", date(2013, 1, 31)), ("2013-03", date(2013, 1, 31))):
        checker.begin_partition(name)
        checker.add(pa.record_batch({"day": [day]}))
    expected = ["the file of partition 2013-03 has rows of 2013-01"]
    expected += ["there are only 0 rows in partition 2013-02; the contract says 1"] * bool(
        partitions
    )
    found = checker.problems()
    assert [problem.removeprefix("table 't': ") for problem in found] == expected


def test_a_day_beyond_every_calendar_is_in_no_partition() -> None:
    columns = (Column("day", "date", "Day."),)
    checker = Checker(Table("t", "T.", columns, partitioning=Partitioning("day", "month")))
    checker.begin_partition("2013-01")
    checker.add(pa.record_batch({"day": pa.array([2**31 - 1], pa.int32()).view(pa.date32())}))
    problem, years = checker.problems()
    assert problem.endswith(
        "the file of partition 2013-01 has rows of a day beyond every partition"
    )
    assert "column 'day' has 1 value in other years" in years


@pytest.mark.parametrize(
    ("column", "values", "warning"),
    [
        (
            Column("x", "int64", "A.", minimum=0, warn_minimum=5),
            [1, 5, 2],
            (
                "column 'x' has 2 values below 5 (the smallest is 1); "
                "the contract says usually at least 5"
            ),
        ),
        (
            Column("x", "float64", "A.", warn_maximum=0.5),
            [0.5, 0.75, math.nan],
            (
                "column 'x' has 1 value above 0.5 (the largest is 0.75); "
                "the contract says usually at most 0.5"
            ),
        ),
        (
            Column("x", "string", "A.", nullable=True, warn_nulls=0.5),
            [None, None, "a"],
            "column 'x' has 2 nulls in 3 rows; the contract says usually at most 50%",
        ),
        (Column("x", "string", "A.", nullable=True, warn_nulls=0.5), [None, "a"], None),
        (Column("x", "int64", "A.", warn_minimum=1.5, warn_maximum=3.5), [2, 3], None),
    ],
)
def test_what_is_unusual_is_a_warning_and_no_problem(
    column: Column, values: list[object], warning: str | None
) -> None:
    kinds = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    rows = pa.record_batch({"x": pa.array(values, kinds[column.type], from_pandas=False)})
    column = replace(column, nullable=True)
    checker = Checker(Table("t", "T.", (column,)))
    checker.add(rows.slice(0, 1))
    checker.add(rows.slice(1))
    assert not checker.broken
    assert checker.finish() == len(values)
    messages = [result.message for result in checker.warnings()]
    assert messages == ([] if warning is None else [warning])


@pytest.mark.parametrize(
    ("ids", "repeated"),
    [([1, 2, 3], 0), ([3, 2, 1], 0), ([1, 2, 2], 1), ([2, 1, 2], 1), ([7], 0), ([1, None], 0)],
)
def test_a_key_of_one_column_is_found_repeated_in_any_order(
    ids: list[object], repeated: int
) -> None:
    table = Table("t", "T.", (Column("id", "int64", "A."),), key=("id",))
    batches = [pa.record_batch({"id": pa.array([number], pa.int64())}) for number in ids]
    found = [problem for problem in problems(table, *batches) if "key" in problem]
    assert len(found) == repeated


@pytest.mark.parametrize(
    ("rows", "repeated"),
    [
        ([("a", 1), ("a", 2), ("b", 1)], 0),
        ([("b", 1), ("a", 2), ("a", 1)], 0),
        ([("a", 1), ("a", 1), ("b", 1)], 1),
        ([("a", 2), ("b", 1), ("a", 2)], 1),
        ([("a", 1), ("b", 1), ("b", 1)], 1),
    ],
)
def test_a_key_of_two_columns_is_found_repeated_in_any_order(
    rows: list[tuple[str, int]], repeated: int
) -> None:
    columns = (Column("name", "string", "A."), Column("id", "int64", "B."))
    table = Table("t", "T.", columns, key=("name", "id"))
    batches = [pa.record_batch({"name": [name], "id": [number]}) for name, number in rows]
    found = [problem for problem in problems(table, *batches) if "key" in problem]
    assert len(found) == repeated


@pytest.mark.parametrize("kind", ["bool", "string", "int64", "float64", "date", "timestamp"])
def test_a_key_may_be_of_any_type(kind: ColumnType) -> None:
    table = Table("t", "T.", (Column("id", kind, "A."),), key=("id",))
    values = pa.array([0, 1, 1]).cast(pa.int32() if kind == "date" else pa.int64())
    rows = pa.record_batch({"id": values.cast(arrow_type(kind))})
    assert [problem for problem in problems(table, rows.slice(0, 2)) if "key" in problem] == []
    assert len([problem for problem in problems(table, rows) if "key" in problem]) == 1


@pytest.mark.parametrize(("kind", "number"), [("date", 2**31 - 1), ("timestamp", 2**62)])
def test_a_key_beyond_every_calendar_is_told_as_its_number(kind: ColumnType, number: int) -> None:
    table = Table("t", "T.", (Column("id", kind, "A."),), key=("id",))
    values = pa.array([number] * 2, pa.int32() if kind == "date" else pa.int64())
    years, key = problems(table, pa.record_batch({"id": values.view(arrow_type(kind))}))
    assert "column 'id' has 2 values in other years" in years
    assert f"such as ({number});" in key


def test_a_long_text_that_is_no_choice_is_told_once() -> None:
    table = Table("t", "T.", (Column("x", "string", "A.", choices=("a",)),))
    (problem,) = problems(table, pa.record_batch({"x": ["a", "b" * 1_000_000] * 20}))
    assert "20 values outside its choices (such as 'bbb" in problem
    assert len(problem) < 300
