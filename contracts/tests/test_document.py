from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from isthmus_contracts import (
    Column,
    Dataflow,
    Dataset,
    Deprecation,
    File,
    Metric,
    Metrics,
    Param,
    Table,
)
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.document import FORMAT, catalog_document

COMMITTED = Path(__file__).parents[1] / "catalog.json"

RAW = Table("raw", "Raw.", (Column("id", "int64", "Nummer, größer.", minimum=0),), key=("id",))
SOURCE = Dataset("source", "A source.", "operations", (RAW,))
FIRST = Dataflow(
    name="first",
    version="1.2.3",
    owner="analytics",
    description="The first.",
    inputs=(SOURCE.input("raw"),),
    params=(Param("full", "boolean", default=False, description="Whether everything."),),
    outputs=(
        Table("clean", "Clean.", (Column("id", "int64", "A number."),)),
        File("report", "A report.", ".html"),
        Metrics("scores", "Scores.", (Metric("rows", "Rows."),)),
    ),
)
SECOND = Dataflow(
    name="second",
    version="0.1.0",
    owner="analytics",
    description="The second.",
    inputs=(FIRST.input("clean"),),
    outputs=(File("plot", "A plot.", ".png"),),
)
SMALL = Catalog((SOURCE,), (FIRST, SECOND))


def test_the_committed_document_is_fresh() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == catalog_document(CATALOG)


def test_an_empty_catalog_is_a_document_too() -> None:
    document = json.loads(catalog_document(Catalog((), ())))
    assert document == {"format": FORMAT, "datasets": {}, "dataflows": {}}


def test_inputs_say_where_they_come_from() -> None:
    dataflows = json.loads(catalog_document(SMALL))["dataflows"]
    assert list(dataflows) == ["first.v1", "second.v0"]
    assert dataflows["first.v1"]["inputs"] == [{"table": "raw", "of_dataset": "source"}]
    assert dataflows["second.v0"]["inputs"] == [{"table": "clean", "of_dataflow": "first.v1"}]


def test_a_deprecation_says_its_day_as_text() -> None:
    old = replace(FIRST, deprecation=Deprecation(date(2027, 1, 31), "first.v2"))
    written = json.loads(catalog_document(Catalog((SOURCE,), (old,))))["dataflows"]["first.v1"]
    assert written["deprecation"] == {"until": "2027-01-31", "instead": "first.v2"}


def test_outputs_say_their_kind() -> None:
    outputs = json.loads(catalog_document(SMALL))["dataflows"]["first.v1"]["outputs"]
    assert [each["kind"] for each in outputs] == ["table", "file", "metrics"]
    assert outputs[2]["metrics"] == [{"name": "rows", "description": "Rows."}]


def test_a_zero_or_false_is_written_and_an_absent_value_is_not() -> None:
    document = json.loads(catalog_document(SMALL))
    assert document["dataflows"]["first.v1"]["params"] == [
        {"name": "full", "type": "boolean", "default": False, "description": "Whether everything."}
    ]
    (column,) = document["datasets"]["source"]["tables"][0]["columns"]
    assert column["minimum"] == 0
    assert "maximum" not in column


def test_the_text_is_readable_and_ends_with_a_line_end() -> None:
    text = catalog_document(SMALL)
    assert "Nummer, größer." in text
    assert text.endswith("}\n")
    assert text == catalog_document(Catalog((SOURCE,), (FIRST, SECOND)))


def test_the_document_holds_strict_json_only() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(catalog_document(CATALOG), parse_constant=refuse)
