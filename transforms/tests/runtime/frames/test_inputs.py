from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, ColumnType, Interval, Partitioning, Table
from isthmus_contracts.dataflows import Identity, Input
from isthmus_contracts.protocol import CheckFinished, Event
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.checkpoints.live_code import LiveDigests
from isthmus_transforms.runtime.frames.inputs import read_input

Reader = Callable[..., pd.Series]
KIND = "(the types are incompatible)"


def _input(*columns: Column) -> Input:
    return Input(Table("readings", "Readings.", columns), "station")


def _file(tmp_path: Path, columns: Mapping[str, object], name: str = "part.parquet") -> Path:
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Return a function that writes one column `x`, and reads it by its contract."""

    def make(
        column_type: ColumnType, values: pa.Array, nullable: bool = False, **asked: bool
    ) -> pd.Series:
        contract = _input(Column("x", column_type, "X.", nullable=nullable))
        file = _file(tmp_path, {"x": values})
        frame = read_input(contract, [file], **asked)
        assert list(frame) == ["x"]
        return frame["x"]

    return make


@pytest.mark.parametrize(
    ("column_type", "values", "dtype"),
    [
        ("string", pa.array(["a", "b"]), "str"),
        ("string", pa.array(["a", "b"], pa.large_string()), "str"),
        ("string", pa.array(["a", "b"], pa.string_view()), "str"),
        ("int64", pa.array([1, 2]), "int64"),
        ("float64", pa.array([1.5, 2.5]), "float64"),
        ("bool", pa.array([True, False]), "bool"),
        ("date", pa.array([dt.date(2013, 1, 1), dt.date(1600, 2, 29)]), "datetime64[ms]"),
        ("timestamp", pa.array([1, 2], pa.timestamp("us", "UTC")), "datetime64[us, UTC]"),
        ("timestamp", pa.array([1, 2], pa.timestamp("ms", "UTC")), "datetime64[us, UTC]"),
        ("timestamp", pa.array([1, 2], pa.timestamp("us", "Asia/Tokyo")), "datetime64[us, UTC]"),
    ],
)
@pytest.mark.parametrize("rows", [0, 2])
def test_each_type_arrives_as_its_dtype_even_without_rows(
    read: Reader, column_type: ColumnType, values: pa.Array, dtype: str, rows: int
) -> None:
    column = read(column_type, values[:rows])
    assert str(column.dtype) == dtype
    assert len(column) == rows


NULLABLE = [
    ("string", pa.array(["a", None]), "str", "str"),
    ("int64", pa.array([1, None]), "float64", "Int64"),
    ("float64", pa.array([1.5, None]), "float64", "float64"),
    ("bool", pa.array([True, None]), "boolean", "boolean"),
    ("date", pa.array([dt.date(2013, 1, 1), None]), "datetime64[ms]", "datetime64[ms]"),
    (
        *("timestamp", pa.array([1, None], pa.timestamp("us", "UTC"))),
        *("datetime64[us, UTC]", "datetime64[us, UTC]"),
    ),
]


@pytest.mark.parametrize("case", NULLABLE, ids=lambda case: str(case[0]))
@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 2), slice(1, 2), slice(0, 0)])
def test_the_dtype_of_a_nullable_column_is_the_contracts_whatever_the_values(
    read: Reader, case: tuple[ColumnType, pa.Array, str, str], rows: slice
) -> None:
    column_type, values, dtype, masked = case
    for masked_types, expected in ((False, dtype), (True, masked)):
        column = read(column_type, values[rows], nullable=True, masked_types=masked_types)
        assert str(column.dtype) == expected
        assert column.isna().tolist() == values[rows].is_null().to_pylist()


@pytest.mark.parametrize("masked_types", [False, True])
def test_columns_of_masked_types_keep_their_places(tmp_path: Path, masked_types: bool) -> None:
    columns = {"a": [True, None], "b": [1, 2], "c": [3, None], "d": ["x", "y"], "e": [False, True]}
    kinds: tuple[ColumnType, ...] = ("bool", "int64", "int64", "string", "bool")
    contract = _input(
        *(
            Column(name, kind, "X.", nullable=name in "ace")
            for name, kind in zip(columns, kinds, strict=True)
        )
    )
    frame = read_input(contract, [_file(tmp_path, columns)], masked_types=masked_types)
    assert [(name, str(dtype)) for name, dtype in frame.dtypes.items()] == [
        *(("a", "boolean"), ("b", "int64"), ("c", "Int64" if masked_types else "float64")),
        *(("d", "str"), ("e", "boolean")),
    ]
    assert frame["c"].tolist()[0] == 3


def test_an_integer_that_would_not_arrive_as_it_is_is_refused(tmp_path: Path) -> None:
    table = Table(
        "readings",
        "Readings.",
        (Column("id", "int64", "Id."), Column("x", "int64", "X.", nullable=True)),
        key=("id",),
    )
    file = _file(tmp_path, {"id": [7, 8, 9], "x": [1, 9007199254740993, None]})
    events: list[Event] = []
    with pytest.raises(InputError) as caught:
        read_input(Input(table, "station"), [file], on_event=events.append)
    assert str(caught.value) == (
        "input 'readings': column 'x' is a nullable int64, which functions get as float64, and has "
        "1 value that float64 cannot hold exactly; to get Int64, declare the dataflow with "
        "masked_types=True (see (8))"
    )
    (event,) = [event for event in events if isinstance(event, CheckFinished)]
    assert (event.result.check, event.result.passed, event.result.violations) == (
        "schema",
        False,
        1,
    )
    frame = read_input(Input(table, "station"), [file], masked_types=True)
    assert frame["x"].tolist() == [1, 9007199254740993, pd.NA]
    # In a column that is not nullable, every int64 arrives.
    assert read_input(
        _input(replace(table.columns[1], nullable=False)),
        [_file(tmp_path, {"x": [9007199254740993]})],
    )["x"].tolist() == [9007199254740993]


def test_a_timestamp_in_another_zone_stays_the_same_timestamp(read: Reader) -> None:
    noon = pa.array([dt.datetime(2013, 7, 1, 12, tzinfo=dt.UTC)]).cast(pa.timestamp("us", "UTC"))
    column = read("timestamp", noon.cast(pa.timestamp("us", "America/New_York")))
    assert column[0] == pd.Timestamp("2013-07-01T12:00Z")


@pytest.mark.parametrize(
    ("column_type", "values", "problem"),
    [
        ("string", pa.array([1]), f"is int64; the contract says string {KIND}"),
        ("string", pa.array([b"a"]), f"is binary; the contract says string {KIND}"),
        (
            "int64",
            pa.array([1.5]),
            (
                "is float64; the contract says int64 (Float value 1.500000 was truncated "
                "converting to int64)"
            ),
        ),
        (
            "float64",
            pa.array([2**53 + 1]),
            (
                "is int64; the contract says float64 (row 0: float64 cannot hold it exactly; "
                "round it, or declare the column with inexact=True)"
            ),
        ),
        ("float64", pa.array(["1"]), f"is string; the contract says float64 {KIND}"),
        ("bool", pa.array([1]), f"is int64; the contract says bool {KIND}"),
        (
            "date",
            pa.array([1], pa.timestamp("us")),
            (
                "is timestamp without a time zone; the contract says date "
                "(some values have a time of day)"
            ),
        ),
        (
            "timestamp",
            pa.array([1], pa.timestamp("us")),
            (
                "is timestamp without a time zone; the contract says timestamp "
                "(say which time zone it has, in pandas by .dt.tz_localize)"
            ),
        ),
        (
            "timestamp",
            pa.array([1], pa.timestamp("ns", "UTC")),
            (
                "is timestamp; the contract says timestamp "
                "(some values are finer than a microsecond; round them)"
            ),
        ),
    ],
)
def test_a_column_of_another_type_is_refused(
    read: Reader, column_type: ColumnType, values: pa.Array, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(column_type, values)
    assert str(caught.value) == f"input 'readings': part.parquet: column 'x' {problem}"


def test_what_pandas_wrote_is_read_as_its_contract_says(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "name": pd.Series(["a", "b"]),
            "kind": pd.Series(["x", "y"]).astype("category"),
            "note": pd.Series([None, None], dtype=object),
            "day": pd.to_datetime(["2013-01-31", "2013-02-01"]),
            "at": pd.to_datetime(["2013-01-31T12:00", None]).tz_localize("Europe/Berlin"),
            "seats": [2.0, np.nan],
            "price": [1, 2],
            "flag": pd.Series([True, None], dtype=object),
        }
    )
    path = tmp_path / "readings.parquet"
    frame.to_parquet(path)
    contract = _input(
        *(Column(name, "string", "T.", nullable=name == "note") for name in frame.columns[:3]),
        Column("day", "date", "D."),
        Column("at", "timestamp", "A.", nullable=True),
        Column("seats", "int64", "S.", nullable=True),
        Column("price", "float64", "P."),
        Column("flag", "bool", "F.", nullable=True),
    )
    read = read_input(contract, [path])
    assert [str(dtype) for dtype in read.dtypes] == [
        *("str", "str", "str", "datetime64[ms]", "datetime64[us, UTC]"),
        *("float64", "float64", "boolean"),
    ]
    assert read["day"].tolist() == frame["day"].tolist()
    assert read["at"][0] == frame["at"][0]
    assert read["price"].tolist() == [1.0, 2.0]


def test_days_that_are_timestamps_are_filtered_by_the_interval(tmp_path: Path) -> None:
    days = pd.to_datetime(["2013-01-31", "2013-02-01", "2013-03-01"])
    path = tmp_path / "readings.parquet"
    pd.DataFrame({"day": days}).to_parquet(path)
    contract = Input(_input(Column("day", "date", "D.")).table, "station", "day")
    february = Interval(dt.date(2013, 2, 1), dt.date(2013, 3, 1))
    assert read_input(contract, [path], february)["day"].tolist() == [days[1]]


RULES = Table(
    "readings",
    "Readings.",
    (
        Column("station", "string", "Station.", choices=("north", "south")),
        Column("day", "date", "Day."),
        Column("x", "float64", "X.", nullable=True, minimum=0, warn_maximum=100, warn_nulls=0.5),
    ),
    key=("station", "day"),
    min_rows=2,
)
DAYS = [dt.date(2013, 1, 1), dt.date(2013, 1, 2)]
VALID = {"station": ["north", "north"], "day": DAYS, "x": [1.0, None]}


def _checked(
    tmp_path: Path, contract: Input, *, interval: Interval | None = None, **columns: object
) -> tuple[list[CheckFinished], str]:
    """Read a table, and return the check_results and the refusal, if there is one."""
    events: list[Event] = []
    refusal = ""
    try:
        read_input(contract, [_file(tmp_path, VALID | columns)], interval, events.append)
    except InputError as error:
        refusal = str(error)
    assert all(isinstance(event, CheckFinished) for event in events)
    return [event for event in events if isinstance(event, CheckFinished)], refusal


def test_a_valid_input_has_a_check_result_for_each_rule(tmp_path: Path) -> None:
    events, refusal = _checked(tmp_path, Input(RULES, "station"))
    assert refusal == ""
    assert [event.result.check for event in events] == [
        "schema",
        *("station.nullable", "station.choices", "day.nullable", "day.years"),
        *("x.finite", "x.warn_nulls", "x.minimum", "x.warn_maximum", "key", "min_rows"),
    ]
    assert {event.subject for event in events} == {"readings"}
    assert all(
        event.result.passed and not event.result.violations and not event.result.examples
        for event in events
    )


@pytest.mark.parametrize(
    ("columns", "check", "examples", "problem"),
    [
        (
            {"station": ["north", None]},
            "station.nullable",
            ("(null, 2013-01-02)",),
            "column 'station' has 1 null; the contract says not null (see (null, 2013-01-02))",
        ),
        (
            {"station": ["north", "west"]},
            "station.choices",
            ("('west', 2013-01-02)",),
            (
                "column 'station' has 1 value outside its choices (such as 'west'); the contract "
                "says one of north, south (see ('west', 2013-01-02))"
            ),
        ),
        (
            {"x": [-2.5, 1.0]},
            "x.minimum",
            ("('north', 2013-01-01)",),
            (
                "column 'x' has 1 value below 0 (the smallest is -2.5); the contract says "
                "at least 0 (see ('north', 2013-01-01))"
            ),
        ),
        (
            {"day": pa.array([-719528, 15706], pa.int32()).view(pa.date32())},
            "day.years",
            ("('north', 0000-01-01)",),
            (
                "column 'day' has 1 value in other years (make it null); the contract says in the "
                "years 1 to 9999 (see ('north', 0000-01-01))"
            ),
        ),
        (
            {"day": [DAYS[0], DAYS[0]]},
            "key",
            ("('north', 2013-01-01)",),
            (
                "1 key (station, day) in 2 rows, such as ('north', 2013-01-01); "
                "the contract says one row for each key"
            ),
        ),
        (
            {"station": ["north"], "day": DAYS[:1], "x": [1.0]},
            "min_rows",
            (),
            "there is only 1 row; the contract says 2",
        ),
    ],
)
def test_an_input_that_breaks_its_contract_is_refused_with_keys(
    tmp_path: Path, columns: dict[str, object], check: str, examples: tuple[str, ...], problem: str
) -> None:
    events, refusal = _checked(tmp_path, Input(RULES, "station"), **columns)
    assert refusal == f"input 'readings': {problem}"
    (broken,) = [event for event in events if not event.result.passed]
    assert (broken.result.check, broken.result.level, broken.result.examples) == (
        check,
        "error",
        examples,
    )
    assert refusal == f"input {broken.subject!r}: {broken.result.sentence}"
    assert broken.result.violations >= 1


def test_an_input_that_only_warns_is_read(tmp_path: Path) -> None:
    events, refusal = _checked(tmp_path, Input(RULES, "station"), x=[None, 101.0])
    assert refusal == ""
    assert [
        (event.result.check, event.result.level) for event in events if not event.result.passed
    ] == [("x.warn_maximum", "warning")]


def test_a_nan_that_must_not_be_null_is_refused(tmp_path: Path) -> None:
    contract = _input(Column("x", "float64", "X."))
    events, refusal = _checked(tmp_path, contract, x=[1.0, float("nan")])
    assert refusal == (
        "input 'readings': column 'x' has 1 null or NaN value; the contract says not null "
        "(see row 1)"
    )
    assert [event.result.check for event in events if not event.result.passed] == ["x.nullable"]


def test_an_infinite_value_is_refused(tmp_path: Path) -> None:
    contract = _input(Column("x", "float64", "X.", nullable=True))
    events, refusal = _checked(tmp_path, contract, x=[float("-inf"), None])
    assert refusal == (
        "input 'readings': column 'x' has 1 infinite value (make it null, or limit it); "
        "the contract says finite (see row 0)"
    )
    assert [event.result.check for event in events if not event.result.passed] == ["x.finite"]


def test_a_wrong_schema_is_reported_before_it_is_refused(tmp_path: Path) -> None:
    events, refusal = _checked(tmp_path, Input(RULES, "station"), x=["a", "b"])
    (check_result,) = events
    assert (check_result.result.check, check_result.result.level, check_result.result.passed) == (
        "schema",
        "error",
        False,
    )
    assert refusal == f"input {check_result.subject!r}: {check_result.result.message}"


def test_the_number_of_rows_is_not_checked_where_an_interval_filters(tmp_path: Path) -> None:
    january = Interval(dt.date(2013, 1, 1), dt.date(2013, 1, 2))
    for interval, within, checked in (
        (january, "day", False),
        (january, None, True),
        (None, "day", True),
    ):
        events, refusal = _checked(tmp_path, Input(RULES, "station", within), interval=interval)
        assert refusal == ""
        assert ("min_rows" in [event.result.check for event in events]) is checked


def test_the_number_of_rows_is_not_checked_for_partitioned_inputs(tmp_path: Path) -> None:
    table = replace(RULES, partitioning=Partitioning("day", "month"), min_rows=9)
    events, refusal = _checked(tmp_path, Input(table, Identity("readings", 1)))
    assert refusal == ""
    assert "min_rows" not in [event.result.check for event in events]


def test_columns_come_in_the_contracts_order_and_others_are_not_read(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {"more": pa.array([0]), "b": pa.array([2]), "a": pa.array([1]), "c": pa.array([""])},
    )
    contract = _input(Column("a", "int64", "A."), Column("b", "int64", "B."))
    pd.testing.assert_frame_equal(read_input(contract, [path]), pd.DataFrame({"a": [1], "b": [2]}))


def test_several_files_are_one_table_in_their_order(tmp_path: Path) -> None:
    files = [
        _file(tmp_path, {"x": pa.array(["a", "b"])}, "1.parquet"),
        _file(tmp_path, {"x": pa.array([], pa.large_string())}, "2.parquet"),
        _file(tmp_path, {"x": pa.array(["c"], pa.large_string())}, "3.parquet"),
    ]
    frame = read_input(_input(Column("x", "string", "X.")), files)
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": ["a", "b", "c"]}))


def test_a_folder_named_like_a_column_adds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "x=9"
    folder.mkdir()
    frame = read_input(_input(Column("x", "int64", "X.")), [_file(folder, {"x": pa.array([1])})])
    assert frame["x"].tolist() == [1]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = _file(tmp_path, {"a": pa.array([1]), "b": pa.array([1])})
    with pytest.raises(InputError) as caught:
        read_input(_input(Column("a", "int64", "A."), Column("x", "int64", "X.")), [path])
    assert str(caught.value) == (
        "input 'readings': part.parquet: column 'x' is missing; there are: a, b"
    )


def test_a_column_that_appears_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["x", "x"]), path)
    with pytest.raises(InputError) as caught:
        read_input(_input(Column("x", "int64", "X.")), [path])
    assert str(caught.value) == "input 'readings': part.parquet: column 'x' appears twice"


def test_the_second_file_is_checked_like_the_first(tmp_path: Path) -> None:
    files = [
        _file(tmp_path, {"x": pa.array([1])}, "1.parquet"),
        _file(tmp_path, {"x": pa.array(["a"])}, "2.parquet"),
    ]
    with pytest.raises(InputError, match=r"^input 'readings': 2\.parquet: column 'x' is string;"):
        read_input(_input(Column("x", "int64", "X.")), files)


X = _input(Column("x", "int64", "X."))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.parquet"
    with pytest.raises(InputError) as caught:
        read_input(X, [path])
    assert str(caught.value) == f"input 'readings': there is no file {path}"


def test_no_file_at_all_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        read_input(X, [])
    assert str(caught.value) == "input 'readings': no file is given"


@pytest.mark.parametrize("content", [b"", b"id,x\n1,2\n", b"PAR1 and nothing PAR1"])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_input(X, [path])
    assert str(caught.value).startswith(f"input 'readings': {path} is not a Parquet file: ")


def test_a_folder_is_not_a_parquet_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path} is not a Parquet file: .*is a directory"):
        read_input(X, [tmp_path])


def test_damaged_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"x": list(range(10_000))}), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[4:2_000] = b"z" * 1_996
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^input 'readings': part\.parquet: "):
        read_input(X, [path])


@pytest.mark.parametrize("kind", ["bool", "int64"])
def test_reading_changes_nothing_that_fingerprints_see(tmp_path: Path, kind: ColumnType) -> None:
    before = LiveDigests().digest(read_input)
    table = Table("t", "A table.", (Column("c", kind, "Which.", nullable=True),))
    pq.write_table(pa.table({"c": pa.array([1, None]).cast(kind)}), tmp_path / "t.parquet")
    read_input(Input(table, "shop"), [tmp_path / "t.parquet"], masked_types=True)
    assert LiveDigests().digest(read_input) == before
