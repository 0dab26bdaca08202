from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus_contracts import Column, ColumnType, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.schemas import arrow_type
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
            {"late_share": [-0.25, -math.inf]},
            (
                "column 'late_share' has 2 values below 0 (the smallest is -inf); "
                "the contract says at least 0"
            ),
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
            "column 'updated' has type timestamp[us]; the contract says timestamp[us, tz=UTC]",
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


def test_infinity_is_a_number_with_bounds(days: Table, batch: Batch) -> None:
    (problem,) = problems(days, batch(late_share=[math.inf, 0.0]))
    assert "above 1 (the largest is inf)" in problem


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


class TestFiles:
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
        self, days: Table, batch: Batch, tmp_path: Path, encode: Callable[[pa.Array], pa.Array]
    ) -> None:
        rows = batch(origin=encode(pa.array(["EWR", "JFK"])))
        parquet.write_table(pa.Table.from_batches([rows]), tmp_path / "x.parquet")
        checker = Checker(days)
        assert checker.add_file(tmp_path / "x.parquet") == 2
        assert checker.finish() == 2

    def test_a_key_is_unique_over_all_files(
        self, days: Table, batch: Batch, tmp_path: Path
    ) -> None:
        checker = Checker(days)
        for name in "ab":
            parquet.write_table(pa.Table.from_batches([batch()]), tmp_path / name)
            assert checker.add_file(tmp_path / name) == 2
        with pytest.raises(TableContractError, match=r"2 keys .* in 4 rows"):
            checker.finish()

    def test_an_empty_file_has_its_schema_checked(
        self, days: Table, batch: Batch, tmp_path: Path
    ) -> None:
        nothing = pa.Table.from_batches([batch().slice(0, 0)]).drop_columns(["gust"])
        parquet.write_table(nothing, tmp_path / "x")
        checker = Checker(days)
        assert checker.add_file(tmp_path / "x") == 0
        with pytest.raises(TableContractError, match=r"(?s)'gust' is missing.*only 0 rows"):
            checker.finish()

    @pytest.mark.parametrize("keep", [0, 3, 200, -9])
    def test_what_is_no_parquet_is_refused(
        self, days: Table, batch: Batch, tmp_path: Path, keep: int
    ) -> None:
        path = tmp_path / "x"
        parquet.write_table(pa.Table.from_batches([batch()]), path)
        path.write_bytes(path.read_bytes()[:keep])
        checker = Checker(days)
        checker.add_file(path)
        with pytest.raises(TableContractError, match="cannot be read as Parquet"):
            checker.finish()

    def test_pages_that_were_tampered_with_are_refused(
        self, days: Table, batch: Batch, tmp_path: Path
    ) -> None:
        path = tmp_path / "x"
        parquet.write_table(pa.Table.from_batches([batch()]), path)
        content = bytearray(path.read_bytes())
        content[4:60] = b"\xff" * 56
        path.write_bytes(content)
        checker = Checker(days)
        checker.add_file(path)
        with pytest.raises(TableContractError, match="cannot be read"):
            checker.finish()


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
    (problem,) = problems(table, pa.record_batch({"id": values.view(arrow_type(kind))}))
    assert f"such as ({number});" in problem


def test_a_long_text_that_is_no_choice_is_not_written_out_for_each_row() -> None:
    column = Column("x", "string", "A.", choices=("a",))
    numbers = pa.array([0, 1, None] * 10_000, pa.int32())
    texts = pa.DictionaryArray.from_arrays(numbers, ["a", "b" * 1_000_000])
    before = pa.default_memory_pool().max_memory()
    found = problems(Table("t", "T.", (column,)), pa.record_batch({"x": texts}))
    assert "10,000 values outside its choices (such as 'bbb" in " ".join(found)
    assert pa.default_memory_pool().max_memory() < before + 100_000_000


def test_a_few_long_texts_in_many_rows_take_little_memory(tmp_path: Path) -> None:
    texts = [f"{i:05}" * 1_000 for i in range(60)]
    column = pa.DictionaryArray.from_arrays(pa.array([*range(60)] * 1_200, pa.int32()), texts)
    parquet.write_table(pa.table({"x": column}), tmp_path / "long.parquet", store_schema=False)
    checker = Checker(Table("t", "T.", (Column("x", "string", "A."),)))
    before = pa.default_memory_pool().max_memory()
    checker.add_file(tmp_path / "long.parquet")
    assert checker.finish() == 72_000
    assert pa.default_memory_pool().max_memory() < before + 100_000_000
