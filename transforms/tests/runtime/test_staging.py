from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from isthmus_contracts import (
    Column,
    ColumnType,
    File,
    Interval,
    Metric,
    Metrics,
    Partitioning,
    Table,
)
from isthmus_contracts.protocol import CheckFinished, Event, StagedFile, StagedOutput
from isthmus_transforms.errors import OutputError
from isthmus_transforms.runtime.staging import checked_metrics, stage

Stager = Callable[..., pa.ChunkedArray]


def read_stream(path: Path) -> pa.Table:
    with ipc.open_stream(path.read_bytes()) as stream:
        return stream.read_all()


@pytest.fixture
def staged(tmp_path: Path) -> Stager:
    """Return a function that stages one column `x`, and returns what the file holds."""

    def make(column_type: ColumnType, values: object, nullable: bool = False) -> pa.ChunkedArray:
        table = Table("days", "Days.", (Column("x", column_type, "X.", nullable=nullable),))
        stage(table, pd.DataFrame({"x": values}), tmp_path)
        return read_stream(tmp_path / "days.arrows")["x"]

    return make


AB = Table("days", "Days.", (Column("a", "int64", "A."), Column("b", "string", "B.")))
ROWS = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def _refusal(output: Table | File | Metrics, value: object, staging: Path) -> OutputError:
    with pytest.raises(OutputError) as caught:
        stage(output, value, staging)
    assert not list(staging.iterdir())
    return caught.value


def _check_results(events: list[Event]) -> list[CheckFinished]:
    assert all(isinstance(event, CheckFinished) for event in events)
    return [event for event in events if isinstance(event, CheckFinished)]


def test_a_table_is_staged_with_the_contracts_columns_in_its_order(tmp_path: Path) -> None:
    output = stage(AB, ROWS[["b", "a"]].set_axis(["k", "k"]), tmp_path)
    content = (tmp_path / "days.arrows").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert output == StagedOutput("days", (StagedFile("days.arrows", len(content), digest, 2),))
    read = read_stream(tmp_path / "days.arrows")
    assert read.schema.names == ["a", "b"]
    assert read.schema.metadata is None  # no index, nothing of pandas
    assert read.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_the_platform_gets_a_stream_that_needs_no_decoding(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": [1] * 1000, "b": pd.Series(["x"] * 1000).astype("category")})
    (file,) = stage(AB, rows, tmp_path).files
    content = (tmp_path / file.path).read_bytes()
    assert content.startswith(b"\xff\xff\xff\xff")
    assert content.endswith(b"\xff\xff\xff\xff\0\0\0\0")
    with ipc.open_stream(content) as stream:
        (batch,) = stream
        assert stream.schema.metadata is None
        assert stream.stats.num_dictionary_batches == 0
    assert len(content) > batch.nbytes  # nothing is compressed


def test_people_get_parquet(tmp_path: Path) -> None:
    (file,) = stage(AB, ROWS, tmp_path, table_format="parquet").files
    assert file.path == "days.parquet"
    content = (tmp_path / file.path).read_bytes()
    assert (file.bytes, file.rows) == (len(content), 2)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    read = pq.read_table(tmp_path / "days.parquet")
    assert read.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert [str(field.type) for field in read.schema] == ["int64", "string"]


def test_a_large_table_is_staged_in_small_batches(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": range(100_000), "b": ["x" * 1_000] * 100_000})
    (file,) = stage(AB, rows, tmp_path).files
    content = (tmp_path / file.path).read_bytes()
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    with ipc.open_stream(content) as stream:
        sizes = [(len(batch), batch.nbytes) for batch in stream]
    assert sum(size for size, _ in sizes) == 100_000
    assert len(sizes) == 4
    assert max(size for _, size in sizes) <= 1 << 25


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    first = stage(AB, ROWS, tmp_path)
    assert stage(AB, ROWS.copy(), tmp_path) == first
    assert stage(AB, ROWS.astype({"b": "category"}), tmp_path) == first
    assert stage(AB, ROWS[::-1], tmp_path) != first


@pytest.mark.parametrize(
    ("column_type", "values", "read"),
    [
        ("string", ["a"], ["a"]),
        ("string", pd.Series(["a"], dtype=object), ["a"]),
        ("string", pd.Series(["a", "b", "a"]).astype("category"), ["a", "b", "a"]),
        ("int64", [1], [1]),
        ("int64", np.array([1], dtype="uint8"), [1]),
        ("int64", pd.Series([1], dtype="Int64"), [1]),
        ("int64", [1.0, 2.0], [1, 2]),
        ("float64", [0.5], [0.5]),
        ("float64", [1, 2**53], [1.0, 2.0**53]),
        ("float64", pd.Series([Decimal("0.5"), 1, 0.25]), [0.5, 1.0, 0.25]),
        ("float64", pd.Series([0.5], dtype="Float64"), [0.5]),
        ("bool", pd.Series([True], dtype="boolean"), [True]),
        ("float64", np.array([0.5], dtype="float32"), [0.5]),
        ("bool", [True], [True]),
        ("date", pd.to_datetime(["2013-01-31"]), [dt.date(2013, 1, 31)]),
        ("date", [dt.date(2013, 1, 31)], [dt.date(2013, 1, 31)]),
        (
            "timestamp",
            pd.to_datetime(["2013-01-31T07:00"]).tz_localize("America/New_York"),
            [dt.datetime(2013, 1, 31, 12, tzinfo=dt.UTC)],
        ),
    ],
)
def test_values_of_a_compatible_type_are_written_as_the_contracts_type(
    staged: Stager, column_type: ColumnType, values: object, read: list[object]
) -> None:
    assert staged(column_type, values).to_pylist() == read


def test_strings_in_several_chunks_are_staged(staged: Stager) -> None:
    pieces = [pd.Series(["a"]), pd.Series([None], dtype="str"), pd.Series(["b"])]
    column = staged("string", pd.concat(pieces, ignore_index=True), nullable=True)
    assert column.to_pylist() == ["a", None, "b"]


@pytest.mark.parametrize(
    ("column_type", "values", "read"),
    [
        ("int64", [1.0, np.nan], [1, None]),
        ("int64", pd.Series([1, None], dtype="Int64"), [1, None]),
        ("int64", pd.Series([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
        ("int64", pd.Series([1.0, None], dtype="Float64"), [1, None]),
        ("float64", pd.Series([0.5, None], dtype="Float64"), [0.5, None]),
        ("float64", pd.Series([1, None], dtype="Int64"), [1.0, None]),
        ("bool", pd.Series([True, None], dtype="boolean"), [True, None]),
        ("string", pd.Series(["a", None], dtype="string"), ["a", None]),
        ("string", ["a", None], ["a", None]),
        ("bool", pd.Series([True, None], dtype=object), [True, None]),
        ("date", pd.to_datetime(["2013-01-31", None]), [dt.date(2013, 1, 31), None]),
        ("float64", [0.5, np.nan], [0.5, None]),
    ],
)
def test_a_missing_value_is_written_as_null(
    staged: Stager, column_type: ColumnType, values: object, read: list[object]
) -> None:
    assert staged(column_type, values, nullable=True).to_pylist() == read


@pytest.mark.parametrize("dtype", ["float64", "Float64"])
def test_infinity_is_refused_and_nan_is_null(staged: Stager, dtype: str) -> None:
    values = pd.Series([0.0, 1.0], dtype=dtype)
    assert staged("float64", values / values, nullable=True).to_pylist() == [None, 1.0]
    with pytest.raises(OutputError, match=r"has 1 infinite value .*; the contract says finite"):
        staged("float64", 1 / values, nullable=True)


TYPES: list[tuple[ColumnType, str]] = [
    ("string", "string"),
    ("int64", "int64"),
    ("float64", "double"),
    ("bool", "bool"),
    ("date", "date32[day]"),
    ("timestamp", "timestamp[us, tz=UTC]"),
]


@pytest.mark.parametrize(("column_type", "stored"), TYPES)
@pytest.mark.parametrize("values", [[], [None, None]], ids=["no row", "all null"])
def test_a_column_without_values_has_the_contracts_type(
    staged: Stager, column_type: ColumnType, stored: str, values: list[None]
) -> None:
    column = staged(column_type, pd.Series(values, dtype=object), nullable=True)
    assert (str(column.type), column.to_pylist()) == (stored, values)


KIND = "the types are incompatible"


@pytest.mark.parametrize(
    ("column_type", "values", "found", "reason"),
    [
        ("string", [1], "int64", KIND),
        ("string", pd.Series([1, 2]).astype("category"), "category", KIND),
        ("string", pd.Series(["a", 1], dtype=object), "object", "row 1 has a value of type int"),
        ("int64", ["1"], "str", KIND),
        ("int64", [1.0, 1.5], "float64", "Float value 1.5.* was truncated"),
        ("int64", [True], "bool", KIND),
        ("int64", np.array([2**64 - 1], dtype="uint64"), "uint64", "Integer value .* not in range"),
        ("int64", pd.Series([2**70], dtype=object), "object", "Python int too large"),
        ("float64", [1, 2**53 + 1], "int64", "row 1: float64 cannot hold it exactly; round it"),
        ("float64", pd.Series([Decimal("0.5"), Decimal("1e400")]), "object", "row 1: it is beyond"),
        ("float64", [True], "bool", KIND),
        ("bool", [0, 1], "int64", KIND),
        ("date", ["2013-01-31"], "str", KIND),
        ("date", pd.to_datetime(["2013-01-31"]).tz_localize("UTC"), "datetime64.*UTC.", KIND),
        (
            "date",
            pd.to_datetime(["2013-01-31T12:00"]),
            "datetime64.*",
            "some values have a time of day",
        ),
        ("timestamp", pd.to_datetime(["2013-01-31"]), "datetime64.*", "say which time zone it has"),
        (
            "timestamp",
            pd.to_datetime([1], unit="ns", utc=True).as_unit("ns"),
            "datetime64.*",
            "some values are finer than a microsecond; round them",
        ),
        ("timestamp", [dt.date(2013, 1, 31)], "object", "row 0 has a value of type date"),
        (
            "date",
            [dt.date(2013, 1, 31), dt.datetime(2013, 1, 31, 15, 30)],  # noqa: DTZ001
            "object",
            "row 1: it has a time of day",
        ),
        ("int64", pd.Series([1, True], dtype=object), "object", "row 1 has a value of type bool"),
    ],
)
def test_values_of_an_incompatible_type_are_refused(
    tmp_path: Path, column_type: ColumnType, values: object, found: str, reason: str
) -> None:
    table = Table("days", "Days.", (Column("x", column_type, "X."),))
    (problem,) = _refusal(table, pd.DataFrame({"x": values}), tmp_path).problems
    says = re.escape(f"the contract says {column_type} (")
    assert re.match(f"column 'x' is {found}; {says}{reason}", problem), problem


@pytest.mark.parametrize("values", [[1.5, np.nan], [np.inf, np.nan]])
def test_a_nullable_integer_may_be_a_whole_float_only(staged: Stager, values: list[float]) -> None:
    with pytest.raises(OutputError, match=r"the contract says int64 .*truncated"):
        staged("int64", values, nullable=True)


def test_every_wrong_column_is_named_in_one_message(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "c"])
    error = _refusal(AB, frame, tmp_path)
    assert error.problems == (
        "column 'a' occurs 2 times; the contract says once",
        "column 'b' is missing; the contract says string",
        "column 'c' is not in the contract",
    )
    assert str(error) == (
        "output 'days' breaks its contract: "
        "column 'a' occurs 2 times; the contract says once; "
        "column 'b' is missing; the contract says string; column 'c' is not in the contract"
    )


def test_several_columns_of_incompatible_types_are_named_in_one_message(tmp_path: Path) -> None:
    error = _refusal(AB, pd.DataFrame({"a": ["x"], "b": [1]}), tmp_path)
    assert [problem.split(" is ")[0] for problem in error.problems] == ["column 'a'", "column 'b'"]


def test_a_table_that_breaks_a_rule_is_not_staged(tmp_path: Path) -> None:
    table = Table("days", "Days.", (Column("a", "int64", "A.", minimum=1),), min_rows=3)
    assert _refusal(table, pd.DataFrame({"a": [0, 1]}), tmp_path).problems == (
        (
            "column 'a' has 1 value below 1 (the smallest is 0); the contract says at least 1 "
            "(see row 0)"
        ),
        "there are only 2 rows; the contract says 3",
    )


def test_check_results_come_before_anything_is_written(tmp_path: Path) -> None:
    written: list[int] = []
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        written.append(len(list(tmp_path.iterdir())))

    columns = (Column("a", "int64", "A.", minimum=1, warn_maximum=5),)
    table = Table("days", "Days.", columns, key=("a",))
    stage(table, pd.DataFrame({"a": [1, 9]}), tmp_path, on_event=on_event)
    checks = {check_result.result.check: check_result for check_result in _check_results(events)}
    assert list(checks) == ["schema", "a.nullable", "a.minimum", "a.warn_maximum", "key"]
    assert [name for name, check in checks.items() if not check.result.passed] == ["a.warn_maximum"]
    assert checks["a.warn_maximum"].result.examples == ("(9)",)
    assert {check.subject for check in checks.values()} == {"days"}
    assert set(written) == {0}
    assert len(list(tmp_path.iterdir())) == 1


def test_wrong_columns_have_check_results(tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(OutputError) as caught:
        stage(AB, pd.DataFrame({"a": ["x"], "b": [1]}), tmp_path, on_event=events.append)
    assert [
        (check_result.result.check, check_result.result.level, check_result.result.passed)
        for check_result in _check_results(events)
    ] == [("schema", "error", False)] * len(caught.value.problems)


def test_a_table_that_is_not_a_frame_is_refused(tmp_path: Path) -> None:
    assert _refusal(AB, [{"a": 1}], tmp_path).problems == ("it is a list, not a DataFrame",)


PARTED = Table(
    "days",
    "Days.",
    (Column("day", "date", "Day."), Column("a", "int64", "A.", minimum=1)),
    key=("day", "a"),
    min_rows=1,
    partitioning=Partitioning("day", "month"),
)
PARTED_ROWS = pd.DataFrame(
    {"day": pd.to_datetime(["2013-03-01", "2013-01-31", "2012-12-31"]), "a": [1, 2, 3]}
)
FIRST_QUARTER = Interval(dt.date(2013, 1, 1), dt.date(2013, 4, 1))
SPARSE = replace(PARTED, min_rows=0)


def test_a_partitioned_table_is_staged_as_a_file_for_each_partition(tmp_path: Path) -> None:
    output = stage(PARTED, PARTED_ROWS, tmp_path)
    names = ["2012-12", "2013-01", "2013-03"]
    assert [file.partition for file in output.files] == names
    assert [file.path for file in output.files] == [f"days/{name}.arrows" for name in names]
    for file in output.files:
        content = (tmp_path / file.path).read_bytes()
        assert (file.bytes, file.rows) == (len(content), 1)
        assert file.sha256 == hashlib.sha256(content).hexdigest()
    read = read_stream(tmp_path / "days/2013-01.arrows")
    assert read.schema.names == ["day", "a"]
    assert read.to_pydict() == {"day": [dt.date(2013, 1, 31)], "a": [2]}


def test_the_partitions_of_an_interval_are_staged_without_rows_outside(
    tmp_path: Path,
) -> None:
    broken_outside = PARTED_ROWS.assign(a=[1, 2, 0])
    output = stage(SPARSE, broken_outside, tmp_path, FIRST_QUARTER)
    assert [file.partition for file in output.files] == ["2013-01", "2013-03"]
    assert len(list(tmp_path.rglob("*.arrows"))) == 2


def test_the_file_of_a_partition_does_not_depend_on_other_partitions(tmp_path: Path) -> None:
    (whole,) = [file for file in stage(SPARSE, PARTED_ROWS, tmp_path).files if "03" in file.path]
    march = Interval(dt.date(2013, 3, 1), dt.date(2013, 4, 1))
    assert stage(SPARSE, PARTED_ROWS[:1], tmp_path, march).files == (whole,)


@pytest.mark.parametrize("interval", [None, Interval(dt.date(1999, 1, 1), dt.date(1999, 3, 1))])
def test_a_partitioned_table_without_rows_is_staged_without_a_file(
    tmp_path: Path, interval: Interval | None
) -> None:
    assert stage(SPARSE, PARTED_ROWS[:0], tmp_path, interval) == StagedOutput("days")
    assert not list(tmp_path.iterdir())


def test_each_partition_of_the_interval_has_to_be_large_enough(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        stage(PARTED, PARTED_ROWS, tmp_path, FIRST_QUARTER)
    assert caught.value.problems == (
        "there are only 0 rows in partition 2013-02; the contract says 1",
    )
    assert not list(tmp_path.iterdir())


def test_rules_are_checked_within_the_interval(tmp_path: Path) -> None:
    broken = PARTED_ROWS.assign(a=[1, 0, 3])
    with pytest.raises(OutputError, match=r"column 'a' has 1 value below 1 .*2013-01-31, 0"):
        stage(SPARSE, broken, tmp_path, FIRST_QUARTER)
    no_day = PARTED_ROWS.assign(day=pd.to_datetime(["2013-03-01", None, None]))
    for interval in (None, FIRST_QUARTER):
        with pytest.raises(OutputError, match=r"column 'day' has 2 nulls; .*null, 2"):
            stage(SPARSE, no_day, tmp_path, interval)


def test_a_day_after_the_last_that_has_a_name_is_refused(tmp_path: Path) -> None:
    days = np.array(["12013-01-01"], dtype="datetime64[s]")
    (problem,) = _refusal(PARTED, pd.DataFrame({"day": days, "a": [1]}), tmp_path).problems
    assert problem.startswith("column 'day' has a day that has no name: ")


REPORT = File("report", "A report.", ".html")


@pytest.mark.parametrize("value", [b"<p>\xc3\xa9", "<p>\u00e9"])
def test_a_file_is_bytes_or_text(tmp_path: Path, value: str | bytes) -> None:
    output = stage(REPORT, value, tmp_path)
    content = (tmp_path / "report.html").read_bytes()
    assert content == b"<p>\xc3\xa9"
    digest = hashlib.sha256(content).hexdigest()
    assert output == StagedOutput("report", (StagedFile("report.html", 5, digest),))


@pytest.mark.parametrize(("value", "kind"), [(None, "NoneType"), (7, "int"), (Path("a"), ".*Path")])
def test_a_file_that_is_neither_bytes_nor_text_is_refused(
    tmp_path: Path, value: object, kind: str
) -> None:
    (problem,) = _refusal(REPORT, value, tmp_path).problems
    assert re.fullmatch(f"it is a {kind}, neither bytes nor text", problem)


QUALITY = Metrics(
    "quality",
    "How good it is.",
    (Metric("score", "S.", minimum=0, maximum=1), Metric("rows", "R.")),
)


def test_metrics_are_staged_without_a_file(tmp_path: Path) -> None:
    value = {"rows": np.int64(3), "score": np.float32(0.5)}
    events: list[Event] = []
    output = stage(QUALITY, value, tmp_path, on_event=events.append)
    assert output == StagedOutput("quality", metrics={"score": 0.5, "rows": 3.0})
    assert all(type(metric) is float for metric in (output.metrics or {}).values())
    assert not list(tmp_path.iterdir())
    assert [
        (check_result.subject, check_result.result.check, check_result.result.message)
        for check_result in _check_results(events)
    ] == [
        ("quality", "score", "metric 'score' is 0.5"),
        ("quality", "rows", "metric 'rows' is 3"),
    ]


@pytest.mark.parametrize("undefined", [None, float("nan"), np.float32("nan"), pd.NA])
def test_a_nullable_metric_that_is_undefined_is_staged_as_null(
    tmp_path: Path, undefined: object
) -> None:
    score, rows = QUALITY.metrics
    quality = replace(QUALITY, metrics=(replace(score, nullable=True), rows))
    output = stage(quality, {"score": undefined, "rows": 3}, tmp_path)
    assert output == StagedOutput("quality", metrics={"score": None, "rows": 3.0})


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"score": 1}, ["metric 'rows' is missing"]),
        ({"score": 1, "rows": 1, "speed": 1}, ["metric 'speed' is not in the contract"]),
        (
            {"score": float("nan"), "rows": 1},
            ["metric 'score' is nan; the contract says not null"],
        ),
        ({"score": 1.5, "rows": 1}, ["metric 'score' is 1.5; the contract says at most 1"]),
        ({"score": 10**400, "rows": 1}, ["metric 'score' is inf; the contract says finite"]),
        ({"score": pd.NA, "rows": 1}, ["metric 'score' is null; the contract says not null"]),
        (
            {"score": 1, "rows": float("inf")},
            ["metric 'rows' is inf; the contract says finite"],
        ),
        ({"score": "0.5", "rows": 1}, ["metric 'score' is a str, which is not a number"]),
        ({"score": True, "rows": 1}, ["metric 'score' is a bool, which is not a number"]),
        (
            {"score": -1, "rows": None, "x": 1},
            [
                "metric 'score' is -1; the contract says at least 0",
                "metric 'rows' is null; the contract says not null",
                "metric 'x' is not in the contract",
            ],
        ),
        ([("score", 1)], ["it is a list, not a mapping"]),
        (pd.Series({"score": 1.0, "rows": 1.0}), ["it is a Series, not a mapping"]),
    ],
)
def test_metrics_that_break_the_contract_are_refused(value: object, problems: list[str]) -> None:
    events: list[Event] = []
    with pytest.raises(OutputError) as caught:
        checked_metrics(QUALITY, value, events.append)
    assert list(caught.value.problems) == problems
    if isinstance(value, dict):
        results = [event.result for event in _check_results(events)]
        failed = [result for result in results if not result.passed]
        assert [result.message for result in failed] == problems
        assert all((result.level, result.violations) == ("error", 1) for result in failed)
