from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from sqlalchemy import Engine, create_engine, event, text

from isthmus_contracts import Column, ColumnType, Table
from isthmus_platform.deployment import Source
from isthmus_platform.errors import SourceError, SourceUnavailableError, TableContractError
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.sources import sql
from isthmus_platform.sources.sql import _array, _describe_mismatch, read_source
from isthmus_platform.storage import DiskStore, Location

TRIPS = Table(
    "trips",
    "Trips.",
    (
        Column("id", "int64", "Id."),
        Column("km", "float64", "Length.", nullable=True),
        Column("day", "date", "Day."),
        Column("at", "timestamp", "Start."),
        Column("done", "bool", "Whether it ended."),
        Column("who", "string", "Driver.", nullable=True),
    ),
)
ROW = "(1, 2.5, '2013-05-01', '2013-05-01T10:00:00Z', 1, 'ann')"
SOURCE = Source("nyc", chunk_rows=2)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'company.sqlite'}")
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE trips (id, km REAL, day TEXT, at TEXT, done, who TEXT, note TEXT)")
        )
    yield engine
    engine.dispose()


def insert(engine: Engine, *rows: str) -> None:
    with engine.begin() as connection:
        for row in rows:
            connection.execute(text(f"INSERT INTO trips (id, km, day, at, done, who) VALUES {row}"))  # noqa: S608


def make_endless(engine: Engine) -> None:
    """Create a view of rows that keep the contract, with ids from 1 on, without end."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE VIEW endless AS WITH RECURSIVE n (id) AS "
                "(SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 1.0 AS km, "
                "'2013-05-01' AS day, '2013-05-01T10:00:00Z' AS at, 1 AS done, 'x' AS who FROM n"
            )
        )


def read(engine: Engine, source: Source = SOURCE) -> list[pa.RecordBatch]:
    return list(read_source(TRIPS, source, engine))


def test_text_becomes_what_the_contract_says(engine: Engine) -> None:
    insert(engine, ROW, "(2, NULL, '2013-05-02', '2013-05-01T10:00:00-05:00', 0, NULL)")
    (batch,) = read(engine)
    assert batch.schema.names == ["id", "km", "day", "at", "done", "who"]
    assert batch.to_pylist() == [
        {
            "id": 1,
            "km": 2.5,
            "day": date(2013, 5, 1),
            "at": datetime(2013, 5, 1, 10, tzinfo=UTC),
            "done": True,
            "who": "ann",
        },
        {
            "id": 2,
            "km": None,
            "day": date(2013, 5, 2),
            "at": datetime(2013, 5, 1, 15, tzinfo=UTC),
            "done": False,
            "who": None,
        },
    ]


def test_rows_come_in_chunks(engine: Engine) -> None:
    insert(engine, *[ROW] * 5)
    assert [batch.num_rows for batch in read(engine)] == [2, 2, 1]


def test_an_endless_source_is_read_only_as_far_as_needed(engine: Engine) -> None:
    make_endless(engine)
    batches = read_source(TRIPS, Source("nyc", {"trips": "endless"}, chunk_rows=1000), engine)
    assert next(batches)["id"][999].as_py() == 1000
    assert next(batches)["id"][0].as_py() == 1001
    batches.close()
    assert engine.pool.checkedout() == 0


def test_a_long_chunk_is_made_of_parts(engine: Engine) -> None:
    make_endless(engine)
    with engine.begin() as connection:
        names = "id, km, day, at, done, who"
        connection.execute(
            text(f"INSERT INTO trips ({names}) SELECT {names} FROM endless LIMIT 40000")  # noqa: S608
        )
    source = Source("nyc", chunk_rows=25_000)
    batches = read(engine, source)
    assert [batch.num_rows for batch in batches] == [25_002, 14_998]  # three equal parts, rounded
    assert pa.Table.from_batches(batches)["id"].to_pylist() == list(range(1, 40_001))
    with engine.begin() as connection:
        connection.execute(text("UPDATE trips SET km = 'far' WHERE id = 31234"))
    with pytest.raises(SourceError, match="'km' holds text in row 31234"):
        read(engine, source)


def test_an_empty_table_has_no_chunk(engine: Engine) -> None:
    assert read(engine) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (ROW.replace("1,", "'one',", 1), "'id' holds text in row 4; the contract says int64"),
        (ROW.replace("1,", "1.5,", 1), "'id' holds a number with a fraction in row 4"),
        (ROW.replace("2.5", "'far'"), "'km' holds text in row 4; the contract says float64"),
        (ROW.replace("'2013-05-01'", "'May Day'"), "'day' holds text in row 4"),
        (ROW.replace("T10:00:00Z", " at noon"), "'at' holds text in row 4"),
        (ROW.replace("T10:00:00Z", "T10:00:00"), "'at' holds text in row 4"),
        (ROW.replace("'2013-05-01'", "20130501"), "'day' holds text in row 4"),
        (ROW.replace("'2013-05-01T10:00:00Z'", "1357034400"), "'at' holds text in row 4"),
        (ROW.replace(", 1, 'ann'", ", 7, 'ann'"), "'done' holds a int in row 4"),
    ],
)
def test_a_value_of_another_type_is_reported_by_its_row_and_not_shown(
    engine: Engine, row: str, problem: str
) -> None:
    insert(engine, ROW, ROW, ROW, row)
    with pytest.raises(SourceError, match=problem) as mistake:
        read(engine)
    assert "'nyc.trips'" in str(mistake.value)
    assert "noon" not in str(mistake.value)


def test_a_missing_table_is_named_with_those_there_are(engine: Engine) -> None:
    with pytest.raises(SourceError, match=r"'nyc.rides': there is no such table; known: trips"):
        read(engine, Source("nyc", {"trips": "rides"}))


def test_a_missing_column_is_named_with_those_there_are(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE trips DROP COLUMN who"))
    with pytest.raises(SourceError, match=r"column 'who' is missing; known: id, km, day"):
        read(engine)


def test_a_schema_can_be_named(engine: Engine) -> None:
    insert(engine, ROW)
    (batch,) = read(engine, Source("nyc", {"trips": "main.trips"}))
    assert batch.num_rows == 1


def test_a_database_that_does_not_answer_may_be_retried(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}")
    with pytest.raises(
        SourceUnavailableError, match="does not answer: unable to open database file"
    ):
        read(engine)
    engine.dispose()


def test_a_databases_message_is_shown_without_the_value(engine: Engine) -> None:
    insert(engine, ROW)
    with engine.begin() as connection:
        connection.execute(text("UPDATE trips SET who = CAST(x'736563726574ff' AS TEXT)"))
    with pytest.raises(SourceUnavailableError, match="Could not decode to UTF-8") as mistake:
        read(engine)
    assert "secret" not in str(mistake.value)


def test_bytes_are_not_text(engine: Engine) -> None:
    insert(engine, ROW.replace("'ann'", "x'616e6e'"))
    message = r"column 'who' holds bytes in row 1; .* \(decode them in a view, in PostgreSQL by"
    with pytest.raises(SourceError, match=message):
        read(engine)


def test_values_of_mixed_types_are_refused() -> None:
    day = Column("day", "date", "Day.")
    with pytest.raises(TypeError, match="not a date or instant"):
        _array(day, [date(2013, 5, 1), "2013-05-01"])


def test_whole_numbers_may_come_as_decimals() -> None:
    numbers = Column("id", "int64", "Id.")
    assert _array(numbers, [Decimal(3), 4, 5.0, None]).to_pylist() == [3, 4, 5, None]
    with pytest.raises(TypeError):
        _array(numbers, [Decimal("3.5")])
    with pytest.raises(TypeError):
        _array(numbers, [True])
    assert _array(Column("km", "float64", "Km."), [Decimal("2.5"), 1]).to_pylist() == [2.5, 1.0]


KM = Column("km", "float64", "Km.", nullable=True)


def test_an_exact_number_is_read_exactly_or_not_at_all() -> None:
    exact = [Decimal("19.90"), 2**53 + 2, None, 0.5]
    assert _array(KM, exact).to_pylist() == [19.9, 2.0**53 + 2, None, 0.5]
    assert _array(KM, [Decimal("NaN")])[0].as_py() != 0
    for number in (2**53 + 1, Decimal("12345678901234567.89"), Decimal("1e400")):
        with pytest.raises(ValueError, match="float64"):
            _array(KM, [1, number])


def test_a_number_may_be_rounded_where_the_contract_says_so() -> None:
    rounded = replace(KM, inexact=True)
    numbers = [2**53 + 1, Decimal("12345678901234567.89")]
    assert _array(rounded, numbers).to_pylist() == [2.0**53, 12345678901234568.0]
    with pytest.raises(ValueError, match="beyond the range of float64"):
        _array(rounded, [Decimal("1e400")])


INEXACT = "float64 cannot hold it exactly; round it, or declare the column with inexact=True"
TEXT = "cast it to text in a view"


@pytest.mark.parametrize(
    ("kind", "value", "what", "remedy"),
    [
        ("float64", Decimal("12345678901234567.89"), "a number", INEXACT),
        ("float64", 2**53 + 1, "a number", INEXACT),
        (
            *("float64", Decimal("1e400"), "a number"),
            "it is beyond the range of float64; make it null",
        ),
        ("int64", Decimal("0.5"), "a number with a fraction", ""),
        ("float64", True, "a bool", ""),
        (
            *("timestamp", datetime(2013, 5, 1), "a timestamp without a time zone"),  # noqa: DTZ001
            "name it in a view, by AT TIME ZONE 'UTC'",
        ),
        ("date", datetime(2013, 5, 1, tzinfo=UTC), "a timestamp", "cast it in a view"),
        ("string", UUID(int=7), "a UUID", TEXT),
        ("string", {"a": 1}, "JSON or an array", f"{TEXT}, or select its parts"),
        ("int64", [1, 2], "JSON or an array", f"{TEXT}, or select its parts"),
        ("string", b"ann", "bytes", "decode them in a view, in PostgreSQL by convert_from"),
        (
            "string",
            memoryview(b"a"),
            "bytes",
            "decode them in a view, in PostgreSQL by convert_from",
        ),
        ("date", "May Day", "text", "cast it in a view"),
    ],
)
def test_a_value_that_does_not_fit_comes_with_a_remedy(
    kind: ColumnType, value: object, what: str, remedy: str
) -> None:
    found = _describe_mismatch(Column("x", kind, "X.", nullable=True), [None, value], first=4)
    says = f"column 'x' holds {what} in row 6; the contract says {kind}"
    assert found == (f"{says} ({remedy})" if remedy else says)


def test_a_day_that_python_cannot_represent_is_refused(engine: Engine, tmp_path: Path) -> None:
    insert(engine, ROW, ROW.replace("2013-05-01'", "0000-01-01'", 1))
    directory = Location(DiskStore(tmp_path / "lake"), "trips")
    with pytest.raises(TableContractError) as caught:
        write_table(directory, TRIPS, read_source(TRIPS, SOURCE, engine))
    assert caught.value.problems == (
        (
            "table 'trips': column 'day' has 1 value in other years (make it null); "
            "the contract says in the years 1 to 9999"
        ),
    )


def test_times_are_read_in_utc(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sql._TIMES_IN_UTC["postgresql"] == "SET TIME ZONE 'UTC'"
    insert(engine, ROW)
    # What the statement changes is seen by the session that reads.
    statement = (
        "CREATE TEMP VIEW trips AS SELECT 7 AS id, 1.5 AS km, day, at, done, who FROM main.trips"
    )
    monkeypatch.setattr(sql, "_TIMES_IN_UTC", {"sqlite": statement})
    options: dict[str, object] = {}

    @event.listens_for(engine, "before_cursor_execute")
    def note(*arguments: Any) -> None:
        options[arguments[2]] = arguments[4].execution_options

    (batch,) = read(engine)
    assert batch["id"].to_pylist() == [7]
    assert options[statement] == {}  # PostgreSQL has no cursor on such a statement


def test_a_column_that_the_driver_cannot_read_is_named(tmp_path: Path) -> None:
    def converted(value: bytes) -> str:
        if value == b"bob":
            raise ValueError("year 10000 is out of range: bob")
        return b"\xff".decode() if value == b"eve" else value.decode()

    sqlite3.register_converter("ODD", converted)
    engine = create_engine(
        f"sqlite:///{tmp_path / 'company.sqlite'}",
        connect_args={"detect_types": sqlite3.PARSE_DECLTYPES},
    )
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE trips (id, km REAL, day TEXT, at TEXT, done, who ODD)")
        )
    insert(engine, *[ROW] * 3, ROW.replace("ann", "bob"))
    with pytest.raises(SourceError) as caught:
        read(engine)
    assert str(caught.value).endswith(
        "column 'who' holds a value that Python cannot represent, such as a date before year 1 or "
        "after 9999 (make it null in a view)"
    )
    with engine.begin() as connection:
        connection.execute(text("UPDATE trips SET who = 'eve' WHERE who = 'bob'"))
    with pytest.raises(SourceError, match=r"'who' holds text that is not in the encoding of its"):
        read(engine)
    engine.dispose()


@pytest.mark.parametrize("most_bytes", [1, 100, 1 << 20])
def test_long_texts_come_in_smaller_batches(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(sql, "_MOST_BYTES", most_bytes)
    rows = [ROW.replace("1,", f"{number},", 1).replace("ann", "x" * number) for number in range(9)]
    insert(engine, *rows)
    batches = read(engine, Source("nyc", chunk_rows=4))
    whole = pa.Table.from_batches(batches)
    assert whole["id"].to_pylist() == list(range(9))
    assert whole["who"].to_pylist() == ["x" * number for number in range(9)]
    assert all(batch.nbytes <= most_bytes or len(batch) == 1 for batch in batches)
    assert max(map(len, batches)) == {1: 1, 100: 2, 1 << 20: 4}[most_bytes]


def test_an_instant_is_not_a_date_and_needs_a_time_zone() -> None:
    at, day = Column("at", "timestamp", "At."), Column("day", "date", "Day.")
    aware, naive = datetime(2013, 5, 1, 23, 30, tzinfo=UTC), datetime(2013, 5, 1, 23, 30)  # noqa: DTZ001
    assert _array(at, [aware, None]).to_pylist() == [aware, None]
    assert _array(day, [date(2013, 5, 1)]).to_pylist() == [date(2013, 5, 1)]
    for column, values in ((at, [aware, naive]), (day, [aware]), (at, [date(2013, 5, 1)])):
        with pytest.raises(TypeError):
            _array(column, values)
