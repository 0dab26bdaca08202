from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import (
    Checkpoint,
    Column,
    ColumnType,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Metric,
    Metrics,
    Param,
    Partitioning,
    Table,
)
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.tools.odcs import odcs_documents

RAW = Table("raw", "Raw.", (Column("id", "int64", "A number."),), key=("id",))
SOURCE = Dataset("source", "A source.", "operations", (RAW,), version="2.1.0")
CLEAN = Table(
    "clean",
    "Clean.",
    (
        Column(
            "speed", "float64", "Speed.", unit="km/h", nullable=True, maximum=1e20, inexact=True
        ),
        Column("size", "string", "Size.", choices=("no", "1")),
        Column("seen", "timestamp", "An instant."),
    ),
    key=("seen", "size"),
    min_rows=3,
)
FLOW = DataflowContract(
    name="flow",
    version="1.2.3",
    owner="analytics",
    description="The first.",
    inputs=(SOURCE.input("raw"),),
    params=(
        Param("full", "boolean", default=False, description="Whether everything."),
        Param("days", "integer", 7, "How far back.", minimum=1),
        Param("kind", "string", "a", "Which kind.", choices=("a", "b")),
        Param("weights", "object", {"a: b": 1.5}, "How much.", of="number"),
        Param("sections", "array", [], "Which.", of="string", choices=("a", "b")),
    ),
    outputs=(
        CLEAN,
        File("report", "A report.", ".html"),
        Metrics("scores", "Scores.", (Metric("rows", "Rows.", minimum=0.5, nullable=True),)),
    ),
    checkpoints=(Checkpoint("joined", "All in one."),),
)
SMALL = Catalog((SOURCE,), (FLOW,))

DATASET_TEXT = """\
apiVersion: "v3.2.0"
kind: "DataContract"
id: "source"
name: "source"
version: "2.1.0"
status: "active"
description:
  purpose: "A source."
team:
  name: "operations"
schema:
  - name: "raw"
    logicalType: "object"
    physicalType: "table"
    description: "Raw."
    properties:
      - name: "id"
        logicalType: "integer"
        logicalTypeOptions:
          format: "i64"
        physicalType: "int64"
        description: "A number."
        required: true
        primaryKey: true
        primaryKeyPosition: 1
    quality:
      - type: "library"
        metric: "duplicateValues"
        arguments:
          properties:
            - "id"
        mustBe: 0
"""
COLUMNS_TEXT = """\
      - name: "speed"
        logicalType: "number"
        logicalTypeOptions:
          format: "f64"
          maximum: 1.0e+20
        physicalType: "float64"
        description: "Speed."
        required: false
        customProperties:
          - property: "unit"
            value: "km/h"
          - property: "inexact"
            value: true
      - name: "size"
        logicalType: "string"
        physicalType: "string"
        description: "Size."
        required: true
        primaryKey: true
        primaryKeyPosition: 2
        quality:
          - type: "library"
            metric: "invalidValues"
            arguments:
              validValues:
                - "no"
                - "1"
            mustBe: 0
      - name: "seen"
        logicalType: "timestamp"
        logicalTypeOptions:
          timezone: true
          defaultTimezone: "Etc/UTC"
        physicalType: "timestamp"
        description: "An instant."
        required: true
        primaryKey: true
        primaryKeyPosition: 1
    quality:
      - type: "library"
        metric: "duplicateValues"
        arguments:
          properties:
            - "seen"
            - "size"
        mustBe: 0
      - type: "library"
        metric: "rowCount"
        mustBeGreaterOrEqualTo: 3
"""
OTHER_OUTPUTS_TEXT = """\
  - name: "report"
    physicalType: "file"
    description: "A report."
    customProperties:
      - property: "suffix"
        value: ".html"
  - name: "scores"
    logicalType: "object"
    physicalType: "metrics"
    description: "Scores."
    properties:
      - name: "rows"
        logicalType: "number"
        logicalTypeOptions:
          format: "f64"
          minimum: 0.5
        physicalType: "float64"
        description: "Rows."
        required: false
"""
CUSTOM_TEXT = """\
customProperties:
  - property: "inputs"
    value:
      - contract: "source"
        table: "raw"
  - property: "params"
    value:
      - name: "full"
        type: "boolean"
        default: false
        description: "Whether everything."
      - name: "days"
        type: "integer"
        default: 7
        description: "How far back."
        minimum: 1
      - name: "kind"
        type: "string"
        default: "a"
        description: "Which kind."
        choices:
          - "a"
          - "b"
      - name: "weights"
        type: "object"
        default: "{\\"a: b\\": 1.5}"
        description: "How much."
        of: "number"
      - name: "sections"
        type: "array"
        default: "[]"
        description: "Which."
        of: "string"
        choices:
          - "a"
          - "b"
  - property: "checkpoints"
    value:
      - name: "joined"
        description: "All in one."
"""
HOSTILE = (
    *("", "yes", "null", "007", "1e5", "2026-01-31", "- a", "# a", "a # b", "a: b", "{a: b}"),
    *("'", '"', "\\", "&a", "*a", "!!a", "%a", "@", "`", "|", "> a", "? a", "---", "...", " a "),
    *("a\nb", "a\r\nb", "a\tb", "\0\x1b\x7f\x85", "a\u2028b\u2029c", "\ufeffa", "größer", "😀"),
)


def _description(text: str) -> str:
    source = replace(SOURCE, description=text)
    lines = odcs_documents(Catalog((source,), ()))["source.odcs.yaml"].split("\n")
    return lines[lines.index("description:") + 1].removeprefix("  purpose: ")


def test_a_dataset_is_a_document() -> None:
    assert odcs_documents(SMALL)["source.odcs.yaml"] == DATASET_TEXT


@pytest.mark.parametrize("part", [COLUMNS_TEXT, OTHER_OUTPUTS_TEXT])
def test_every_output_of_a_dataflow_is_in_its_schema(part: str) -> None:
    _, schema = odcs_documents(SMALL)["flow.v1.odcs.yaml"].split("\nschema:\n")
    assert part in schema


def test_inputs_params_and_checkpoints_are_custom_properties() -> None:
    assert odcs_documents(SMALL)["flow.v1.odcs.yaml"].endswith(CUSTOM_TEXT)


def test_there_is_a_document_for_each_dataset_and_dataflow() -> None:
    assert list(odcs_documents(CATALOG)) == [
        *(f"{dataset.name}.odcs.yaml" for dataset in CATALOG.datasets),
        *(f"{dataflow.identity}.odcs.yaml" for dataflow in CATALOG.dataflows),
    ]
    assert odcs_documents(Catalog((), ())) == {}


def test_two_major_versions_are_two_documents_of_one_name() -> None:
    documents = odcs_documents(Catalog((SOURCE,), (FLOW, replace(FLOW, version="2.0.0"))))
    assert list(documents)[1:] == ["flow.v1.odcs.yaml", "flow.v2.odcs.yaml"]
    assert '\nid: "flow.v2"\nname: "flow"\nversion: "2.0.0"\n' in documents["flow.v2.odcs.yaml"]


def test_an_input_names_the_document_that_offers_it() -> None:
    reader = replace(FLOW, name="reader", inputs=(FLOW.input("clean"),), outputs=(RAW,))
    document = odcs_documents(Catalog((SOURCE,), (FLOW, reader)))["reader.v1.odcs.yaml"]
    assert '      - contract: "flow.v1"\n        table: "clean"\n' in document


def test_a_deprecated_dataflow_says_until_when_and_what_takes_its_place() -> None:
    old = replace(FLOW, deprecation=Deprecation(date(2027, 1, 31), "flow.v2"))
    document = odcs_documents(Catalog((SOURCE,), (old,)))["flow.v1.odcs.yaml"]
    assert '\nstatus: "deprecated"\n' in document
    assert '\nslaProperties:\n  - property: "endOfLife"\n    value: "2027-01-31"\n' in document
    assert '  - property: "replacedBy"\n    value: "flow.v2"\n' in document


PARTITION_TEXT = """\
        required: true
        primaryKey: true
        primaryKeyPosition: 1
        partitioned: true
        partitionKeyPosition: 1
        customProperties:
          - property: "partitionGranularity"
            value: "month"
"""


def test_partitions_are_said_at_their_column_and_filter_columns_at_its_input() -> None:
    parted = replace(CLEAN, name="parts", partitioning=Partitioning("seen", "month"))
    flow = replace(FLOW, inputs=(FLOW.input("clean", "seen"),), name="by_parts", outputs=(parted,))
    document = odcs_documents(Catalog((SOURCE,), (FLOW, flow)))["by_parts.v1.odcs.yaml"]
    assert PARTITION_TEXT in document
    assert document.count("partitioned: true") == 1
    assert '        table: "clean"\n        filterColumn: "seen"\n' in document


def test_what_is_not_declared_is_not_written() -> None:
    bare = Table("bare", "Bare.", (Column("a", "string", "A.", nullable=True),))
    documents = odcs_documents(
        Catalog(
            (replace(SOURCE, tables=()), Dataset("other", "Other.", "operations", (bare,))),
            (replace(FLOW, inputs=(), params=(), checkpoints=()),),
        )
    )
    assert "schema:" not in documents["source.odcs.yaml"]
    for word in ("quality", "primaryKey", "logicalTypeOptions", "customProperties", "partition"):
        assert word not in documents["other.odcs.yaml"]
    assert "\ncustomProperties:" not in documents["flow.v1.odcs.yaml"]


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("string", "string"),
        ("int64", "integer"),
        ("float64", "number"),
        ("bool", "boolean"),
        ("date", "date"),
        ("timestamp", "timestamp"),
    ],
)
def test_a_type_is_said_in_both_languages(declared: ColumnType, written: str) -> None:
    table = Table("table", "A table.", (Column("a", declared, "A."),))
    text = odcs_documents(Catalog((replace(SOURCE, tables=(table,)),), ()))["source.odcs.yaml"]
    assert f'        logicalType: "{written}"\n' in text
    assert f'        physicalType: "{declared}"\n' in text


@pytest.mark.parametrize(
    ("bound", "written"),
    [
        (1e20, "1.0e+20"),
        (1e-7, "1.0e-07"),
        (2.5e-9, "2.5e-09"),
        (-0.5, "-0.5"),
        (10**20, "1" + "0" * 20),
    ],
)
def test_a_number_is_a_number_in_every_version_of_yaml(bound: float, written: str) -> None:
    table = Table("table", "A table.", (Column("a", "float64", "A.", minimum=bound),))
    text = odcs_documents(Catalog((replace(SOURCE, tables=(table,)),), ()))["source.odcs.yaml"]
    assert f"          minimum: {written}\n" in text
    assert float(written) == bound


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_one_quoted_line(text: str) -> None:
    written = _description(text)
    assert written.isprintable()
    assert written.startswith('"')
    assert json.loads(written) == text


@given(st.text())
def test_any_text_stays_one_quoted_line(text: str) -> None:
    written = _description(text)
    assert json.loads(written) == text
    assert not set(written) & {*map(chr, (*range(32), *range(0x7F, 0xA0))), "\u2028", "\u2029"}


def test_half_a_character_can_still_be_written_to_a_file() -> None:
    assert _description("\ud800").encode() == b'"\\ud800"'


def test_the_same_catalog_gives_the_same_text() -> None:
    again = Catalog((replace(SOURCE),), (replace(FLOW),))
    assert list(odcs_documents(again).items()) == list(odcs_documents(SMALL).items())
