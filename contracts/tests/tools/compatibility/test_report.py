from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from isthmus_contracts import Column, DataflowContract, Dataset, File, Table
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.tools.compatibility import Level, compare, version_checks
from isthmus_contracts.tools.compatibility.report import Report, json_report, text_report

ID, SIZE = Column("id", "int64", "A number."), Column("size", "string", "How large.")
ROWS = Table("rows", "Rows.", (ID, SIZE), key=("id",))
SOURCE = Dataset("source", "A source.", "operations", (ROWS,))
FLOW = DataflowContract(
    "flow", "1.0.0", "analytics", "Flows.", (SOURCE.input("rows"),), (File("plot", "P.", ".png"),)
)
OLD = Catalog((SOURCE,), (FLOW,))


def report(old: Catalog, new: Catalog, level: Level = "callers") -> Report:
    differences = compare(old, new, date(2027, 1, 31))
    return Report("HEAD~1", level, differences, version_checks(old, new, differences, level))


def changed(description: str = "Flows.") -> Catalog:
    rows = replace(ROWS, columns=(ID,), min_rows=5)
    source = replace(SOURCE, tables=(rows,))
    flow = replace(FLOW, inputs=(source.input("rows"),), version="1.1.0", description=description)
    return Catalog((source,), (flow,))


def test_two_catalogs_alike_are_told_in_one_line() -> None:
    assert text_report(report(OLD, OLD)) == "no difference from HEAD~1\n"


def test_differences_stand_under_their_contract_with_version_and_consumers() -> None:
    assert (
        text_report(report(OLD, changed("It flows.")))
        == """\
dataset source (operations)
  breaking  column-dropped   rows.size  was string, not null
  breaking  min-rows-raised  rows       0 -> 5
  source 1.0.0 -> 1.0.0: breaking, so 2.0.0 is required
  read by flow.v1 (analytics): rows

dataflow flow.v1 (analytics)
  internal  description-changed    Flows. -> It flows.
  flow 1.0.0 -> 1.1.0: internal

still to do: dataset source
"""
    )


def test_what_came_and_what_went_is_told() -> None:
    old = Catalog((SOURCE,), (replace(FLOW, inputs=()),))
    new = Catalog((), (replace(FLOW, name="other", inputs=()),))
    assert (
        text_report(report(old, new))
        == """\
dataset source (operations)
  internal  dataset-retired    was 1.0.0
  source 1.0.0 -> gone: internal

dataflow other.v1 (analytics)
  additive  dataflow-added    now 1.0.0
  other 1.0.0: new

dataflow flow.v1 (analytics)
  breaking  dataflow-dropped    was 1.0.0
  flow 1.0.0 -> gone: breaking, so deprecate it and wait for its last day

still to do: dataflow flow.v1
"""
    )


def test_a_raised_version_is_told_though_nothing_differs() -> None:
    raised = Catalog((SOURCE,), (replace(FLOW, version="1.0.1"),))
    assert (
        text_report(report(OLD, raised))
        == """\
dataflow flow.v1 (analytics)
  flow 1.0.0 -> 1.0.1: no difference

every version is as it should be
"""
    )
    assert "no difference, so 1.0.1 is required" in text_report(report(raised, OLD))


def test_a_line_is_printable_and_has_at_most_100_characters() -> None:
    long = changed("\x1b[31mred\nand\x9b blue " * 30)
    wide = replace(FLOW, name="f" * 63, outputs=(replace(ROWS, name="t" * 63),), inputs=())
    narrow = replace(wide, outputs=(replace(ROWS, name="t" * 63, columns=(ID,)),))
    for compared in (
        report(OLD, long),
        report(Catalog((), (wide,)), Catalog((), (narrow,))),
        report(OLD, CATALOG),
        replace(report(OLD, OLD), base="\x1b" * 300),
    ):
        lines = text_report(compared).splitlines()
        assert max(map(len, lines)) <= 100
        assert all(line.isprintable() for line in lines)
        assert not any(line.endswith(" ") for line in lines)


def test_a_program_reads_the_same() -> None:
    document = json.loads(json_report(report(OLD, changed())))
    assert {key: document[key] for key in ("format", "base", "level", "sufficient")} == {
        "format": 1,
        "base": "HEAD~1",
        "level": "callers",
        "sufficient": False,
    }
    assert document["differences"][0] == {
        "rule": "column-dropped",
        "side": "input",
        "subject": "dataset source",
        "place": "rows.size",
        "before": "string, not null",
        "after": None,
        "class": "breaking",
    }
    assert document["version_checks"][0] == {
        "subject": "dataset source",
        "owner": "operations",
        "before": "1.0.0",
        "after": "1.0.0",
        "required_bump": "major",
        "sufficient": False,
        "consumers": [{"dataflow": "flow.v1", "owner": "analytics", "table": "rows"}],
        "required_version": "2.0.0",
    }


def test_a_program_reads_that_nothing_differs() -> None:
    document = json.loads(json_report(report(OLD, OLD, "wording")))
    assert document == {
        "format": 1,
        "base": "HEAD~1",
        "level": "wording",
        "sufficient": True,
        "differences": [],
        "version_checks": [],
    }
