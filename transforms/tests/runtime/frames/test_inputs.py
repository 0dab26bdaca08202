from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, ColumnType, Interval, Partitioning, Table
from isthmus_contracts.dataflows import Identity, Input
from isthmus_contracts.protocol import CheckFinished, Event
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.frames.inputs import read_input

Reader = Callable[..., pd.Series]


def _input(*columns: Column) -> Input:
    return Input(Table("readings", "Readings.", columns), "station")


def _file(tmp_path: Path, columns: Mapping[str, object], name: str = "part.parquet") -> Path:
    path = tmp_path / name
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Return a function that writes one column `x`, and reads it by its contract."""

    def make(column_type: ColumnType, values: pa.Array, nullable: bool = False) -> pd.Series:
        contract = _input(Column("x", column_type, "X.", nullable=nullable))
        frame = read_input(contract, [_file(tmp_path, {"x": values})])
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


@pytest.mark.parametrize(
    ("column_type", "values", "dtype"),
    [
        ("string", pa.array(["a", None]), "str"),
        ("string", pa.array([None, None], pa.string()), "str"),
        ("int64", pa.array([1, None]), "float64"),
        ("int64", pa.array([None, None], pa.int64()), "float64"),
        ("float64", pa.array([1.5, None]), "float64"),
        ("bool", pa.array([True, None]), "object"),
        ("date", pa.array([dt.date(2013, 1, 1), None]), "datetime64[ms]"),
        ("timestamp", pa.array([1, None], pa.timestamp("us", "UTC")), "datetime64[us, UTC]"),
    ],
)
def test_a_null_arrives_as_a_missing_value(
    read: Reader, column_type: ColumnType, values: pa.Array, dtype: str
) -> None:
    column = read(column_type, values, nullable=True)
    assert str(column.dtype) == dtype
    assert column.isna().tolist() == values.is_null().to_pylist()


def test_a_timestamp_in_another_zone_stays_the_same_timestamp(read: Reader) -> None:
    noon = pa.array([dt.datetime(2013, 7, 1, 12, tzinfo=dt.UTC)]).cast(pa.timestamp("us", "UTC"))
    column = read("timestamp", noon.cast(pa.timestamp("us", "America/New_York")))
    assert column[0] == pd.Timestamp("2013-07-01T12:00Z")


@pytest.mark.parametrize(
    ("column_type", "values", "problem"),
    [
        ("string", pa.array([1]), "is int64; the contract says string"),
        ("string", pa.array([b"a"]), "is binary; the contract says string"),
        (
            "string",
            pa.array(["a"]).dictionary_encode(),
            "is dictionary<values=string, indices=int32, ordered=0>; the contract says string",
        ),
        ("int64", pa.array([1], pa.int32()), "is int32; the contract says int64"),
        ("int64", pa.array([1.0]), "is double; the contract says int64"),
        ("float64", pa.array([1]), "is int64; the contract says double"),
        ("bool", pa.array([1]), "is int64; the contract says bool"),
        ("int64", pa.array([None]), "is null; the contract says int64"),
        (
            "date",
            pa.array([1], pa.timestamp("us")),
            "is timestamp[us]; the contract says date32[day]",
        ),
        (
            "timestamp",
            pa.array([1], pa.timestamp("us")),
            "is timestamp[us]; the contract says timestamp[us, tz=UTC]",
        ),
    ],
)
def test_a_column_of_another_type_is_refused(
    read: Reader, column_type: ColumnType, values: pa.Array, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(column_type, values)
    assert str(caught.value) == f"input 'readings': part.parquet: column 'x' {problem}"


def test_timestamps_finer_than_the_contract_are_refused(read: Reader) -> None:
    problem = "Casting from .* would lose data"
    with pytest.raises(InputError, match=f"^input 'readings': part.parquet: {problem}"):
        read("timestamp", pa.array([1], pa.timestamp("ns", "UTC")))


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
        *("station.nullable", "station.choices", "day.nullable"),
        *("x.warn_nulls", "x.minimum", "x.warn_maximum", "key", "min_rows"),
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
