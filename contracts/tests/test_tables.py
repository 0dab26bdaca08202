from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any, get_args

import pytest

from isthmus_contracts import (
    Column,
    ColumnType,
    DataflowContract,
    DeclarationError,
    Partitioning,
    Table,
    UnknownNameError,
)
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.document import catalog_document, parse_catalog

ID = Column("id", "int64", "A number.")
NOTE = Column("note", "string", "A note.", nullable=True)
DAY = Column("day", "date", "A day.")
SEEN = Column("seen", "timestamp", "An instant.")


@pytest.mark.parametrize("kind", get_args(ColumnType))
def test_every_type_can_be_declared(kind: ColumnType) -> None:
    assert Column("x", kind, "A value.").type == kind


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "Some Column"}, "column is named 'Some Column'; a name has"),
        ({"type": "int32"}, "column 'x' has type 'int32'; known: 'string', 'int64', 'float64'"),
        ({"type": "string", "minimum": 0}, "column 'x' has type string, which has no bounds"),
        ({"type": "bool", "maximum": 1}, "column 'x' has type bool, which has no bounds"),
        ({"type": "date", "minimum": 0}, "column 'x' has type date, which has no bounds"),
        ({"choices": ("1", "2")}, "column 'x' has type int64, which has no choices"),
        ({"type": "string", "choices": ("a", "a")}, "choice of column 'x' 'a' is declared twice"),
        ({"minimum": 2, "maximum": 1}, "column 'x' has minimum 2 above maximum 1"),
        ({"maximum": math.nan}, "column 'x' has bound nan, which is not a finite number"),
        ({"warn_minimum": 2, "warn_maximum": 1}, "where it warns, has minimum 2 above maximum 1"),
        ({"warn_maximum": math.inf}, "where it warns, has bound inf, which is not a finite number"),
        ({"type": "date", "warn_minimum": 0}, "column 'x' has type date, which has no bounds"),
        (
            {"minimum": 1, "warn_minimum": 1},
            "column 'x' has warn_minimum 1, which never warns: minimum is 1",
        ),
        (
            {"maximum": 1, "warn_maximum": 2},
            "column 'x' has warn_maximum 2, which never warns: maximum is 1",
        ),
        ({"inexact": True}, "column 'x' has type int64, which is never inexact"),
        ({"warn_nulls": 0.1}, "column 'x' has warn_nulls 0.1 but is not nullable"),
        (
            {"nullable": True, "warn_nulls": 1},
            "column 'x' has warn_nulls 1; allowed: a share from 0 to below 1",
        ),
        (
            {"nullable": True, "warn_nulls": math.nan},
            "column 'x' has warn_nulls nan; allowed: a share from 0 to below 1",
        ),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(
    declared: dict[str, Any], message: str
) -> None:
    fields = {"name": "x", "type": "int64", "description": "A value."}
    with pytest.raises(DeclarationError, match=re.escape(message)):
        Column(**{**fields, **declared})


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (ID, "not null"),
        (NOTE, ""),
        (
            Column("x", "float64", "A share.", minimum=0, maximum=1),
            "not null, at least 0, at most 1",
        ),
        (Column("x", "int64", "An id.", nullable=True, maximum=12345678), "at most 12345678"),
        (Column("x", "string", "A.", choices=("JFK", "LGA")), "not null, one of JFK, LGA"),
        (
            Column("x", "int64", "A.", minimum=0, warn_minimum=5, warn_maximum=9),
            "not null, at least 0, warns below 5, warns above 9",
        ),
        (Column("x", "date", "A.", nullable=True, warn_nulls=0.25), "warns above 25% nulls"),
        (Column("x", "float64", "A.", nullable=True, inexact=True), "may be inexact"),
    ],
)
def test_a_column_says_its_promise_in_words(column: Column, words: str) -> None:
    assert column.promise == words


def test_a_table_finds_its_columns_by_name() -> None:
    table = Table("notes", "Notes.", (ID, NOTE), key=("id",))
    assert table.column("note") is NOTE
    with pytest.raises(
        UnknownNameError, match=r"^unknown column 'x' of table 'notes'; known: 'id', 'note'$"
    ):
        table.column("x")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": ""}, "table is named ''; a name has"),
        ({"columns": ()}, "table 'notes' has no columns"),
        ({"columns": (ID, ID)}, "column of table 'notes' 'id' is declared twice"),
        ({"min_rows": -1}, "table 'notes' has min_rows -1"),
        (
            {"max_row_change": -0.1},
            "table 'notes' has max_row_change -0.1; allowed: a share, 0 or more",
        ),
        (
            {"max_row_change": math.nan},
            "table 'notes' has max_row_change nan; allowed: a share, 0 or more",
        ),
        ({"key": ("note",)}, "key column 'note' of table 'notes' is nullable"),
        ({"key": ("id", "id")}, "key column of table 'notes' 'id' is declared twice"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(declared: dict[str, Any], message: str) -> None:
    fields = {"name": "notes", "description": "Notes.", "columns": (ID, NOTE)}
    with pytest.raises(DeclarationError, match=re.escape(message)):
        Table(**{**fields, **declared})


def test_a_key_names_columns_of_its_table() -> None:
    with pytest.raises(UnknownNameError, match="unknown column 'nr' of table 'notes'"):
        Table("notes", "Notes.", (ID,), key=("nr",))


def test_warnings_and_a_volume_are_optional() -> None:
    assert (NOTE.warn_minimum, NOTE.warn_maximum, NOTE.warn_nulls) == (None, None, None)
    assert Table("notes", "Notes.", (ID,)).max_row_change is None


def test_warnings_and_a_volume_travel_in_the_catalog_only_where_they_are_declared() -> None:
    late = Column("late", "float64", "A share.", nullable=True, warn_maximum=0.9, warn_nulls=0.0)
    days = Table("days", "Days.", (ID, late), max_row_change=0.5)
    shop = DataflowContract("shop", "1.0.0", "operations", "A shop.", inputs=(), outputs=(days,))
    text = catalog_document(Catalog((), (shop,)))
    (written,) = json.loads(text)["dataflows"]["shop.v1"]["outputs"]
    assert written["max_row_change"] == 0.5
    assert written["columns"][0] == {
        "name": "id",
        "type": "int64",
        "description": "A number.",
        "nullable": False,
        "inexact": False,
    }
    assert written["columns"][1]["warn_maximum"] == 0.9
    assert written["columns"][1]["warn_nulls"] == 0.0
    assert parse_catalog(text).dataflows == (shop,)


@pytest.mark.parametrize("column", [DAY, SEEN])
@pytest.mark.parametrize("keyed", [False, True])
def test_a_table_is_partitioned_by_a_date_or_an_instant(column: Column, keyed: bool) -> None:
    key = ("id", column.name) if keyed else ()
    by = Partitioning(column.name, "day")
    assert Table("notes", "Notes.", (ID, column), key, partitioning=by).partitioning is by


RULE = "a day comes from a date or timestamp that is not nullable"


@pytest.mark.parametrize(
    ("declared", "column", "message"),
    [
        ({}, "id", f"column 'id' of table 'notes' has type int64; {RULE}"),
        ({}, "note", f"column 'note' of table 'notes' has type nullable string; {RULE}"),
        (
            {"columns": (ID, replace(DAY, nullable=True))},
            "day",
            f"column 'day' of table 'notes' has type nullable date; {RULE}",
        ),
        (
            {"key": ("id",)},
            "day",
            "table 'notes' is partitioned by 'day', which is not in its key, so a key could be in ",
        ),
    ],
)
def test_a_column_that_does_not_part_a_table_is_refused(
    declared: dict[str, Any], column: str, message: str
) -> None:
    fields = {"name": "notes", "description": "Notes.", "columns": (ID, NOTE, DAY)}
    with pytest.raises(DeclarationError, match=f"^{re.escape(message)}"):
        Table(**{**fields, **declared}, partitioning=Partitioning(column, "month"))


def test_a_partitioning_names_a_column_of_its_table() -> None:
    with pytest.raises(UnknownNameError, match="unknown column 'nr' of table 'notes'"):
        Table("notes", "Notes.", (ID,), partitioning=Partitioning("nr", "month"))
