from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    DeclarationError,
    Deprecation,
    File,
    Metric,
    Metrics,
    Param,
    Partitioning,
    Table,
)
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.tools.document import FORMAT, catalog_document, parse_catalog

COMMITTED = Path(__file__).parents[2] / "catalog.json"

RAW = Table("raw", "Raw.", (Column("id", "int64", "Nummer, größer.", minimum=0),), key=("id",))
SOURCE = Dataset("source", "A source.", "operations", (RAW,))
FIRST = DataflowContract(
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
SECOND = DataflowContract(
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
    assert dataflows["first.v1"]["inputs"] == [{"table": "raw", "source_dataset": "source"}]
    assert dataflows["second.v0"]["inputs"] == [{"table": "clean", "source_dataflow": "first.v1"}]


def test_a_deprecation_says_its_day_as_text() -> None:
    old = replace(FIRST, deprecation=Deprecation(date(2027, 1, 31), "first.v2"))
    written = json.loads(catalog_document(Catalog((SOURCE,), (old,))))["dataflows"]["first.v1"]
    assert written["deprecation"] == {"until": "2027-01-31", "replacement": "first.v2"}


def test_outputs_say_their_kind() -> None:
    outputs = json.loads(catalog_document(SMALL))["dataflows"]["first.v1"]["outputs"]
    assert [output["kind"] for output in outputs] == ["table", "file", "metrics"]
    assert outputs[2]["metrics"] == [{"name": "rows", "description": "Rows.", "nullable": False}]


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


LOG = Dataset(
    "log", "A log.", "operations", (Table("seen", "Seen.", (Column("at", "timestamp", "At."),)),)
)
PARTS = DataflowContract(
    name="parts",
    version="1.0.0",
    owner="analytics",
    description="By parts.",
    inputs=(LOG.input("seen", filter_column="at"),),
    outputs=(
        Table(
            "days",
            "Days.",
            (Column("day", "date", "Day."),),
            partitioning=Partitioning("day", "month"),
        ),
    ),
)


def test_partitions_and_what_is_read_within_an_interval_are_written() -> None:
    catalog = Catalog((LOG,), (PARTS,))
    written = json.loads(catalog_document(catalog))["dataflows"]["parts.v1"]
    assert written["inputs"] == [{"table": "seen", "source_dataset": "log", "filter_column": "at"}]
    assert written["outputs"][0]["partitioning"] == {"column": "day", "granularity": "month"}
    assert parse_catalog(catalog_document(catalog)) == catalog


FULL = Catalog(
    (SOURCE, Dataset("empty", "No tables.", "operations", (), "0.1.0")),
    (
        replace(
            FIRST,
            deprecation=Deprecation(date(2027, 1, 31), "first.v2"),
            checkpoints=(Checkpoint("joined", "All in one."),),
            params=(
                Param("kind", "string", "a", "Which.", choices=("a", "b")),
                Param("share", "number", 0.5, "How much.", minimum=0, maximum=1),
                Param("kinds", "array", ["b"], "Which.", of="string", choices=("a", "b")),
                Param("none", "array", [], "Any."),
                Param("weights", "object", {"a": 2**60 + 1, "": True, "b": 0.5}, "How much."),
                Param("empty", "object", {}, "How much.", of="number", minimum=0),
            ),
        ),
        SECOND,
    ),
)


@pytest.mark.parametrize("catalog", [Catalog((), ()), SMALL, FULL, CATALOG])
def test_a_document_is_parsed_into_the_catalog_it_was_made_from(catalog: Catalog) -> None:
    text = catalog_document(catalog)
    assert parse_catalog(text) == catalog
    assert catalog_document(parse_catalog(text)) == text


BOUNDS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e18, 1e18)


@given(st.text(), BOUNDS, st.booleans(), st.lists(st.text(), unique=True))
def test_texts_and_bounds_are_kept_to_the_last_digit(
    text: str, bound: float | None, nullable: bool, choices: list[str]
) -> None:
    columns = (
        Column("bounded", "float64", text, unit=text, nullable=nullable, minimum=bound),
        Column("chosen", "string", text, choices=tuple(choices)),
    )
    catalog = Catalog((replace(SOURCE, tables=(replace(RAW, columns=columns, key=()),)),), ())
    read = parse_catalog(catalog_document(catalog))
    assert read == catalog
    (table,) = read.dataset("source").tables
    assert type(table.columns[0].minimum) is type(bound)


def test_an_older_document_may_lack_what_has_a_default() -> None:
    document = json.loads(catalog_document(FULL))
    del document["datasets"]["source"]["version"]
    del document["dataflows"]["first.v1"]["outputs"][0]["columns"][0]["nullable"]
    for name in ("params", "checkpoints", "deprecation"):
        del document["dataflows"]["first.v1"][name]
    read = parse_catalog(json.dumps(document))
    assert read.dataset("source").version == "1.0.0"
    assert read.dataflow("first") == replace(FIRST, params=(), checkpoints=(), deprecation=None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "document: no JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "document: no JSON: "),
        ('{"format": NaN}', "document: no JSON: NaN is not a JSON number"),
        ("[]", "document: expected an object, got a list"),
        ("{}", "document: field 'format' is missing"),
        ('{"format": 1}', "document: field 'datasets' is missing"),
        ('{"format": 2, "datasets": {}, "dataflows": {}}', "document: unknown format 2; known: 1"),
        ('{"format": "1", "datasets": {}, "dataflows": {}}', "document.format: expected int"),
        ('{"format": 1, "datasets": [], "dataflows": {}}', "document.datasets: expected an obj"),
        ('{"format": 1, "datasets": {}, "dataflows": null}', "document.dataflows: expected an obj"),
        (
            '{"format": 1, "datasets": {}, "dataflows": {}, "colour": 1}',
            "document: unknown field 'colour'; known: 'format', 'datasets', 'dataflows'",
        ),
    ],
)
def test_a_text_that_is_no_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_catalog(text)
    assert str(caught.value).startswith(message)


Json: TypeAlias = Any  # what json.loads returns
DATASET, DATAFLOW = ("datasets", "source"), ("dataflows", "first.v1")


def altered(place: tuple[Any, ...], value: object) -> str:
    document = json.loads(catalog_document(FULL))
    *way, last = place
    part = document
    for step in way:
        part = part[step]
    part[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (DATASET, [], "datasets.source: expected an object, got a list"),
        ((*DATASET, "colour"), 1, "datasets.source: unknown field 'colour'; known: 'name', "),
        ((*DATASET, "name"), "other", "datasets.source: by its name and version it is 'other'"),
        (
            (*DATASET, "version"),
            "1",
            "datasets.source: dataset 'source' has version '1'; expected, for",
        ),
        ((*DATASET, "tables"), {}, "datasets.source.tables: expected a list, got an object"),
        (
            (*DATASET, "tables", 0, "key"),
            ["no"],
            "datasets.source.tables[0]: unknown column 'no' of table 'raw'",
        ),
        (
            (*DATASET, "tables", 0, "columns", 0, "type"),
            "text",
            "datasets.source.tables[0].columns[0].type: expected one of 'string', ",
        ),
        (
            (*DATASET, "tables", 0, "columns", 0, "minimum"),
            True,
            "datasets.source.tables[0].columns[0].minimum: expected float, got True",
        ),
        (
            (*DATAFLOW, "version"),
            "2.0.0",
            "dataflows.first.v1: by its name and version it is 'first.v2'",
        ),
        ((*DATAFLOW, "inputs"), {}, "dataflows.first.v1.inputs: expected a list, got an object"),
        (
            (*DATAFLOW, "inputs", 0, "table"),
            "other",
            "dataflows.first.v1.inputs[0]: unknown table 'other' of dataset 'source'; ",
        ),
        (
            (*DATAFLOW, "inputs", 0),
            {"table": "raw", "source_dataset": "nowhere"},
            "dataflows.first.v1.inputs[0]: nothing listed before it is called 'nowhere'",
        ),
        (
            (*DATAFLOW, "inputs", 0),
            {"table": "raw", "source_dataflow": "source"},
            "dataflows.first.v1.inputs[0]: nothing listed before it is called 'source'",
        ),
        (
            (*DATAFLOW, "inputs", 0),
            {"table": "raw", "source_dataflow": "second.v0"},
            "dataflows.first.v1.inputs[0]: nothing listed before it is called 'second.v0'",
        ),
        (
            ("dataflows", "second.v0", "inputs", 0, "table"),
            "report",
            "dataflows.second.v0.inputs[0]: output 'report' of dataflow 'first' is not a table",
        ),
        (
            (*DATAFLOW, "inputs", 0),
            {"table": "raw"},
            "dataflows.first.v1.inputs[0]: expected one of 'source_dataset' and 'source_dataflow'",
        ),
        ((*DATAFLOW, "outputs"), "none", "dataflows.first.v1.outputs: expected a list, got 'none'"),
        ((*DATAFLOW, "outputs"), [], "dataflows.first.v1: dataflow 'first' has no outputs"),
        ((*DATAFLOW, "outputs", 0), 3, "dataflows.first.v1.outputs[0]: expected an object whose"),
        (
            (*DATAFLOW, "outputs", 0, "kind"),
            "song",
            "dataflows.first.v1.outputs[0]: expected an object whose 'kind' is one of 'table', ",
        ),
        ((*DATAFLOW, "outputs", 0, "kind"), [], "dataflows.first.v1.outputs[0]: expected an obj"),
        (
            (*DATAFLOW, "outputs", 1, "suffix"),
            "html",
            "dataflows.first.v1.outputs[1]: file 'report' has suffix 'html'; expected, for",
        ),
        (
            (*DATAFLOW, "params", 0, "default"),
            "c",
            "dataflows.first.v1.params[0]: a declared value breaks its own rule: param 'kind' is ",
        ),
        (
            (*DATAFLOW, "deprecation", "until"),
            "soon",
            "dataflows.first.v1.deprecation.until: expected a day as in '2013-01-31', got 'soon'",
        ),
        (
            (*DATAFLOW, "outputs", 0, "partitioning"),
            {"column": "id", "granularity": "week"},
            "dataflows.first.v1.outputs[0].partitioning.granularity: expected one of 'day', ",
        ),
        (
            (*DATAFLOW, "outputs", 0, "partitioning"),
            {"column": "id", "granularity": "day"},
            "dataflows.first.v1.outputs[0]: column 'id' of table 'clean' has type int64; a day",
        ),
        (
            (*DATAFLOW, "inputs", 0, "filter_column"),
            "id",
            "dataflows.first.v1.inputs[0]: column 'id' of table 'raw' has type int64; a day",
        ),
        ((*DATAFLOW, "deprecation", "until"), 3, "dataflows.first.v1.deprecation.until: expected"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(
    place: tuple[Any, ...], value: object, message: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_catalog(altered(place, value))
    assert str(caught.value).startswith(message)


def paths(part: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if not isinstance(part, dict | list):
        return [path]
    members = part.items() if isinstance(part, dict) else enumerate(part)
    return [path, *(inner for key, member in members for inner in paths(member, (*path, key)))]


PATHS = paths(json.loads(catalog_document(FULL)))[1:]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


@given(st.sampled_from(PATHS), ANYTHING)
def test_whatever_stands_in_a_document_is_read_or_refused(
    place: tuple[Any, ...], value: object
) -> None:
    with suppress(DeclarationError):
        parse_catalog(altered(place, value))
