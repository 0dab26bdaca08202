"""Published tables show every reader the same values, types and statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import ipc, parquet

from isthmus_contracts import Column, Table
from isthmus_platform.lake.delta.tables import commit, files_of, read_version
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.pins import TableFile
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import Location

EVERY_TYPE = Table(
    "every_type",
    "A column of each type, with and without nulls.",
    (
        Column("n", "int64", "N."),
        Column("maybe_n", "int64", "N.", nullable=True),
        Column("share", "float64", "S."),
        Column("maybe_share", "float64", "S.", nullable=True),
        Column("text", "string", "T."),
        Column("maybe_text", "string", "T.", nullable=True),
        Column("is_good", "bool", "G."),
        Column("maybe_good", "bool", "G.", nullable=True),
        Column("day", "date", "D."),
        Column("maybe_day", "date", "D.", nullable=True),
        Column("at", "timestamp", "A."),
        Column("maybe_at", "timestamp", "A.", nullable=True),
    ),
    key=("n",),
)
NOON = datetime(2013, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
VALUES: Mapping[str, list[object]] = {
    "n": [-(2**63), 0, 2**63 - 1],
    "maybe_n": [None, 7, None],
    "share": [-0.0, 5e-324, 1.7976931348623157e308],
    "maybe_share": [None, math.nan, -1.5],
    "text": ["", "a\0b", "é\U0001f600" * 100],
    "maybe_text": [None, "", None],
    "is_good": [True, False, True],
    "maybe_good": [None, None, True],
    "day": [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)],
    "maybe_day": [date(2013, 1, 1), None, None],
    "at": [datetime(1677, 9, 22, tzinfo=UTC), NOON, datetime(2262, 4, 11, tzinfo=UTC)],
    "maybe_at": [None, NOON, None],
}
TYPES = {
    "int64": ("BIGINT", pl.Int64()),
    "float64": ("DOUBLE", pl.Float64()),
    "string": ("VARCHAR", pl.String()),
    "bool": ("BOOLEAN", pl.Boolean()),
    "date": ("DATE", pl.Date()),
    "timestamp": ("TIMESTAMP WITH TIME ZONE", pl.Datetime("us", "UTC")),
}
Published = Callable[[pa.Table], tuple[Location, int]]


@pytest.fixture
def published(folder: Location, tmp_path: Path, encoder: LocalEncoder) -> Published:
    """Stage rows in hostile clothes, accept them and commit what was written."""

    def publish(rows: pa.Table) -> tuple[Location, int]:
        schema = rows.schema.with_metadata({"pandas": "{}", "geo": "{}", "ARROW:schema": "AAAA"})
        path, place = tmp_path / "rows.arrows", folder / f"{'0' * 32}.parquet"
        with path.open("xb") as file, ipc.new_stream(file, schema) as stream:
            stream.write_table(rows.cast(schema), max_chunksize=100_000)
        encoder.begin(EVERY_TYPE, ())
        with (
            path.open("rb", buffering=0) as staged,
            place.writing() as target,
            target.open("xb") as written,
        ):
            found = encoder.add(staged, written, None)
        assert encoder.finish().problems == ()
        file = TableFile(place.name, found.written.bytes, found.rows)
        return folder, commit(folder, EVERY_TYPE, [file], "once")

    return publish


def rows_of(values: Mapping[str, list[object]]) -> pa.Table:
    schema = arrow_schema(EVERY_TYPE)
    columns = [pa.array(values[field.name], field.type, from_pandas=False) for field in schema]
    return pa.table(columns, schema=schema)


def same(found: pa.Table, expected: pa.Table) -> None:
    """Expect the same columns, types and values, to the bit."""
    found = found.select(expected.column_names)
    for name in expected.column_names:
        column = found[name].cast(expected.schema.field(name).type).combine_chunks()
        wanted = expected[name].combine_chunks()
        if pa.types.is_floating(wanted.type):
            assert column.is_null().equals(wanted.is_null()), name
            column, wanted = (part.drop_null().view(pa.int64()) for part in (column, wanted))
        assert column.equals(wanted), name


def many() -> pa.Table:
    """Return rows of several row groups, in which values repeat and do not."""
    count = 700_000
    numbers = pc.multiply(pa.array(range(count), pa.int64()), 7_919)
    days = pc.divide(pa.array(range(count), pa.int64()), 1_000).cast(pa.int32())
    instants = pc.multiply(numbers, 1_000_003).cast(pa.timestamp("us", "UTC"))
    nothing = pa.scalar(None)
    is_even = pc.equal(pc.bit_wise_and(numbers, 1), 0)
    columns = {
        "n": numbers,
        "share": pc.divide(numbers.cast(pa.float64()), 3.0),
        "text": pc.binary_join_element_wise("text", days.cast(pa.string()), " "),
        "is_good": is_even,
        "day": days.view(pa.date32()),
        "at": instants,
    }
    names = {
        "n": "n",
        "share": "share",
        "text": "text",
        "is_good": "good",
        "day": "day",
        "at": "at",
    }
    columns |= {
        f"maybe_{names[name]}": pc.if_else(is_even, column, nothing)
        for name, column in tuple(columns.items())
    }
    schema = arrow_schema(EVERY_TYPE)
    return pa.table([columns[name] for name in schema.names], schema=schema)


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(VALUES),
        rows_of({name: [] for name in VALUES}),
        rows_of({name: values[1:2] for name, values in VALUES.items()}),
        pytest.param(many(), marks=pytest.mark.slow),
    ],
    ids=["every value", "no row", "one row", "many rows"],
)
def test_every_reader_finds_the_same(published: Published, rows: pa.Table) -> None:
    directory, version = published(rows)
    (file,) = files_of(directory, version)
    path = str(file.local())
    columns = EVERY_TYPE.columns

    read = parquet.read_table(path)
    assert read.schema.equals(arrow_schema(EVERY_TYPE), check_metadata=True)
    same(read, rows)

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        relation = connection.from_parquet(path)
        types = {column.name: TYPES[column.type][0] for column in columns}
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == types
        same(relation.to_arrow_table(), rows)
        statistics = duckdb_statistics(connection, path)

    assert pl.read_parquet_schema(path) == {c.name: TYPES[c.type][1] for c in columns}
    same(pl.read_parquet(path).to_arrow(), rows)

    delta = read_version(directory, version)
    nullable = {field.name: field.nullable for field in delta.schema().fields}
    assert nullable == {column.name: column.nullable for column in columns}
    same(delta.to_pyarrow_table(), rows)

    footer = parquet.read_metadata(path)
    assert footer.metadata is None
    assert footer.num_rows == rows.num_rows
    assert (footer.num_row_groups > 1) == (rows.num_rows > 3)
    start = 0
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        part = rows.slice(start, group.num_rows)
        start += group.num_rows
        for i, column in enumerate(columns):
            found = group.column(i).statistics
            expected = extremes(part[column.name])
            assert found.null_count == part[column.name].null_count, column.name
            assert (found.min, found.max) == expected, column.name
            assert statistics[number, column.name] == found.null_count


def extremes(column: pa.ChunkedArray) -> tuple[object, object]:
    """Return the least and the most value, without NaN, as statistics hold them."""
    values = column.drop_null()
    if pa.types.is_floating(values.type):
        values = values.filter(pc.invert(pc.is_nan(values)))
    found = pc.min_max(values).as_py()
    return found["min"], found["max"]


def duckdb_statistics(
    connection: duckdb.DuckDBPyConnection, path: str
) -> dict[tuple[int, str], int]:
    """Return the number of nulls that DuckDB finds in each footer's group and column."""
    found = connection.execute(
        "SELECT row_group_id, path_in_schema, stats_null_count FROM parquet_metadata(?)", [path]
    )
    return {(group, name): nulls for group, name, nulls in found.fetchall()}


def test_readers_that_skip_by_statistics_find_every_row(published: Published) -> None:
    directory, version = published(rows_of(VALUES))
    (file,) = files_of(directory, version)
    path = str(file.local())
    with duckdb.connect() as connection:
        for column in ("n", "text", "day", "at", "share"):
            for value in VALUES[column]:
                where = connection.execute(
                    f'SELECT count(*) FROM read_parquet(?) WHERE "{column}" = ?',  # noqa: S608
                    [path, value],
                )
                assert where.fetchall() == [(1,)], (column, value)
                lazy = pl.scan_parquet(path).filter(pl.col(column) == pl.lit(value))
                assert lazy.collect().height == 1, (column, value)
                scanned = parquet.read_table(path, filters=[(column, "=", value)])
                assert scanned.num_rows == 1, (column, value)
                dataset = read_version(directory, version).to_pyarrow_dataset()
                assert dataset.count_rows(filter=pc.field(column) == value) == 1, (column, value)
