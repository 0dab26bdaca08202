from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, ColumnType, Input, Interval, Partitioning, Table
from isthmus_transforms.errors import InputError
from isthmus_transforms.runtime.frames.inputs import read_input
from isthmus_transforms.runtime.frames.partitions import are_within, parts_of, rows_within

JANUARY = Interval(dt.date(2013, 1, 1), dt.date(2013, 2, 1))
DAYS = pa.array(
    [dt.date(2012, 12, 31), dt.date(2013, 1, 1), dt.date(2013, 1, 31), dt.date(2013, 2, 1)]
)
MIDNIGHTS = [dt.datetime(2013, month, 1, tzinfo=dt.UTC) for month in (1, 2)]
LAST = dt.timedelta(microseconds=1)
INSTANTS = pa.array(
    [MIDNIGHTS[0] - LAST, MIDNIGHTS[0], MIDNIGHTS[1] - LAST, MIDNIGHTS[1]],
    pa.timestamp("us", "UTC"),
)
ZONES = ["UTC", "America/New_York", "Asia/Tokyo"]


def _input(column_type: ColumnType, filter_column: str | None = "x") -> Input:
    columns = (Column("x", column_type, "X."), Column("n", "int64", "N."))
    return Input(Table("readings", "Readings.", columns), "station", filter_column)


def _read(
    tmp_path: Path, contract: Input, values: pa.Array, interval: Interval | None
) -> list[int]:
    path = tmp_path / "readings.parquet"
    pq.write_table(pa.table({"n": range(len(values)), "x": values}), path, row_group_size=1)
    frame = read_input(contract, [path], interval)
    assert list(frame) == ["x", "n"]
    return frame["n"].to_list()


def test_a_file_is_read_within_the_interval_by_date(tmp_path: Path) -> None:
    assert _read(tmp_path, _input("date"), DAYS, JANUARY) == [1, 2]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_file_is_read_within_the_interval_by_timestamp_in_utc(
    tmp_path: Path, unit: str, zone: str
) -> None:
    values = INSTANTS.cast(pa.timestamp(unit, zone), safe=False)
    assert _read(tmp_path, _input("timestamp"), values, JANUARY) == [1, 2]


@pytest.mark.parametrize(
    ("filter_column", "interval"), [("x", None), (None, JANUARY), (None, None)], ids=str
)
def test_everything_is_read_without_an_interval_or_a_filter_column(
    tmp_path: Path, filter_column: str | None, interval: Interval | None
) -> None:
    assert _read(tmp_path, _input("date", filter_column), DAYS, interval) == [0, 1, 2, 3]
    frame = pd.DataFrame({"x": DAYS.to_pandas(), "n": range(4)})
    assert rows_within(_input("date", filter_column), frame, interval) is frame


def test_row_groups_outside_the_interval_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pq.write_table(
        pa.table({"x": DAYS, "n": range(4)}), path, row_group_size=1, use_dictionary=False
    )
    first = pq.read_metadata(path).row_group(0).column(1)
    content = bytearray(path.read_bytes())
    start = first.data_page_offset
    content[start : start + first.total_compressed_size] = b"\xff" * first.total_compressed_size
    path.write_bytes(content)
    assert read_input(_input("date"), [path], JANUARY)["n"].to_list() == [1, 2]
    with pytest.raises(InputError):
        read_input(_input("date"), [path])


def test_an_interval_beyond_the_range_of_a_files_timestamps_is_refused(tmp_path: Path) -> None:
    far = Interval(dt.date(2013, 1, 1), dt.date(3000, 1, 1))
    values = INSTANTS.cast(pa.timestamp("ns", "UTC"))
    with pytest.raises(InputError, match=r"^input 'readings': readings\.parquet: "):
        _read(tmp_path, _input("timestamp"), values, far)


def test_an_interval_without_rows_is_an_empty_frame_of_the_same_types(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    pq.write_table(pa.table({"x": DAYS, "n": range(4)}), path)
    whole = read_input(_input("date"), [path])
    none = read_input(_input("date"), [path], Interval(dt.date(1999, 1, 1), dt.date(1999, 2, 1)))
    assert len(none) == 0
    assert none.dtypes.equals(whole.dtypes)


@pytest.mark.parametrize(
    ("column_type", "values"),
    [
        ("date", DAYS.to_pandas()),  # objects
        ("date", pd.to_datetime(DAYS.to_pandas())),
        ("date", pd.to_datetime(DAYS.to_pandas()).astype("datetime64[ms]")),
        *(("timestamp", INSTANTS.to_pandas().dt.tz_convert(zone)) for zone in ZONES),
    ],
)
def test_a_frame_is_filtered_as_a_file_is(column_type: ColumnType, values: pd.Series) -> None:
    frame = pd.DataFrame({"x": values, "n": range(4)})
    cut = rows_within(_input(column_type), frame, JANUARY)
    assert cut["n"].to_list() == [1, 2]
    assert cut.index.to_list() == [0, 1]
    assert frame["n"].to_list() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("column_type", "frame", "problem"),
    [
        ("date", {"n": [1]}, "column 'x' is missing; the interval is applied to it"),
        ("date", {"x": ["soon"], "n": [1]}, "column 'x': "),
        ("date", {"x": INSTANTS.to_pandas(), "n": range(4)}, "column 'x': "),
        ("timestamp", {"x": pd.to_datetime(["2013-01-01"]), "n": [1]}, "column 'x': "),
    ],
)
def test_a_frame_without_the_filter_column_is_refused(
    column_type: ColumnType, frame: dict[str, object], problem: str
) -> None:
    with pytest.raises(InputError, match=f"^input 'readings': {problem}"):
        rows_within(_input(column_type), pd.DataFrame(frame), JANUARY)


MONTHLY = Partitioning("x", "month")


def _parts(
    values: pa.Array, by: Partitioning = MONTHLY, interval: Interval | None = None
) -> dict[str | None, list[int]]:
    kind: ColumnType = "date" if pa.types.is_date(values.type) else "timestamp"
    columns = (Column("x", kind, "X."), Column("n", "int64", "N."))
    table = Table("readings", "Readings.", columns, partitioning=by)
    rows = pa.table({"x": values, "n": range(len(values))})
    return {name: part["n"].to_pylist() for name, part in parts_of(table, rows, interval).items()}


def test_rows_are_split_by_day_and_keep_their_order() -> None:
    shuffled = DAYS.take([2, 0, 3, 1])
    assert _parts(shuffled) == {"2012-12": [1], "2013-01": [0, 3], "2013-02": [2]}
    assert list(_parts(shuffled)) == ["2012-12", "2013-01", "2013-02"]
    assert _parts(shuffled, Partitioning("x", "year")) == {"2012": [1], "2013": [0, 2, 3]}
    assert len(_parts(shuffled, Partitioning("x", "day"))) == 4


def test_a_timestamp_is_in_the_partition_of_its_date_in_utc() -> None:
    assert _parts(INSTANTS) == {"2012-12": [0], "2013-01": [1, 2], "2013-02": [3]}


def test_an_interval_has_all_its_partitions_even_without_rows() -> None:
    interval = Interval(dt.date(2012, 11, 1), dt.date(2013, 1, 1))
    assert _parts(DAYS[:1], interval=interval) == {"2012-11": [], "2012-12": [0]}
    assert _parts(DAYS[:0], interval=interval) == {"2012-11": [], "2012-12": []}
    assert _parts(DAYS[:0]) == {}


def test_a_row_without_a_day_is_checked_and_is_in_no_partition() -> None:
    values = pa.array([None, *DAYS.to_pylist(), None], pa.date32())
    assert _parts(values) == {"2012-12": [1], "2013-01": [2, 3], "2013-02": [4]}
    within = are_within(MONTHLY, pa.table({"x": values}), JANUARY)
    assert within.to_pylist() == [True, False, True, True, False, True]


def test_a_table_without_partitions_is_one_part() -> None:
    table = Table("readings", "Readings.", (Column("n", "int64", "N."),))
    rows = pa.table({"n": [1]})
    assert parts_of(table, rows, JANUARY) == {None: rows}
