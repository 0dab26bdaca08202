from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from isthmus_contracts import Column, DataflowContract, Dataset, Deprecation, File, Param, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.compatibility import (
    Consumer,
    Level,
    Step,
    VersionCheck,
    compare,
    version_checks,
)

TODAY = date(2027, 1, 31)
ROWS = Table("rows", "Rows.", (Column("id", "int64", "A number."),))
MORE = replace(ROWS, name="more")
SOURCE = Dataset("source", "A source.", "operations", (ROWS,))
FLOW = DataflowContract(
    name="flow",
    version="1.2.3",
    owner="analytics",
    description="Flows.",
    inputs=(SOURCE.input("rows"),),
    outputs=(MORE, File("plot", "A plot.", ".png")),
    params=(Param("days", "integer", 3, "How many."),),
)
READER = DataflowContract(
    "reader", "1.0.0", "sales", "Reads.", (FLOW.input("more"),), (File("page", "P.", ".html"),)
)
OLD = Catalog((SOURCE,), (FLOW, READER))

SAME = FLOW
BREAKING = replace(FLOW, outputs=FLOW.outputs[:1])
ADDITIVE = replace(FLOW, outputs=(*FLOW.outputs, File("map", "A map.", ".png")))
INTERNAL = replace(FLOW, owner="sales")


def judge(old: Catalog, new: Catalog, level: Level = "callers") -> dict[str, VersionCheck]:
    found = version_checks(old, new, compare(old, new, TODAY), level)
    return {result.subject: result for result in found}


def catalog(flow: DataflowContract) -> Catalog:
    return Catalog((SOURCE,), (flow,))


@pytest.mark.parametrize(
    ("changed", "version", "required_bump", "required_version", "sufficient"),
    [
        (BREAKING, "1.2.3", "major", "2.0.0", False),
        (BREAKING, "1.3.0", "major", "2.0.0", False),
        (BREAKING, "2.0.0", "major", "2.0.0", True),
        (BREAKING, "3.1.4", "major", "2.0.0", True),
        (ADDITIVE, "1.2.4", "minor", "1.3.0", False),
        (ADDITIVE, "1.3.0", "minor", "1.3.0", True),
        (INTERNAL, "1.2.3", "patch", "1.2.4", False),
        (INTERNAL, "1.2.4", "patch", "1.2.4", True),
        (INTERNAL, "1.10.0", "patch", "1.2.4", True),
        (SAME, "1.2.2", "none", "1.2.3", False),
        (SAME, "1.4.0", "none", "1.2.3", True),
        (ADDITIVE, "1.1.0", "minor", "1.3.0", False),
        (BREAKING, "0.9.0", "major", "2.0.0", False),
    ],
)
def test_the_worst_difference_demands_a_step(
    changed: DataflowContract,
    version: str,
    required_bump: Step,
    required_version: str,
    sufficient: bool,
) -> None:
    (found,) = judge(catalog(FLOW), catalog(replace(changed, version=version))).values()
    assert (found.before, found.after) == ("1.2.3", version)
    assert (found.required_bump, found.required_version, found.sufficient) == (
        required_bump,
        required_version,
        sufficient,
    )


@pytest.mark.parametrize(
    ("changed", "version", "required_bump", "required_version", "sufficient"),
    [
        (BREAKING, "0.2.4", "minor", "0.3.0", False),
        (BREAKING, "0.3.0", "minor", "0.3.0", True),
        (BREAKING, "1.0.0", "minor", "0.3.0", True),
        (ADDITIVE, "0.2.4", "minor", "0.3.0", False),
        (INTERNAL, "0.2.4", "patch", "0.2.4", True),
    ],
)
def test_before_the_first_major_version_a_minor_step_may_break(
    changed: DataflowContract,
    version: str,
    required_bump: Step,
    required_version: str,
    sufficient: bool,
) -> None:
    old = catalog(replace(FLOW, version="0.2.3"))
    (found,) = judge(old, catalog(replace(changed, version=version))).values()
    assert (found.required_bump, found.required_version, found.sufficient) == (
        required_bump,
        required_version,
        sufficient,
    )


def test_what_did_not_change_has_no_version_check() -> None:
    assert judge(OLD, OLD) == {}


def test_the_level_decides_what_is_demanded() -> None:
    renamed = catalog(replace(FLOW, params=()))
    steps = [
        judge(catalog(FLOW), renamed, level)["dataflow flow.v1"].required_bump
        for level in ("readers", "callers")
    ]
    assert steps == ["patch", "major"]


def test_what_is_new_owes_nothing() -> None:
    found = judge(Catalog((SOURCE,), ()), catalog(FLOW))["dataflow flow.v1"]
    assert found == VersionCheck("dataflow flow.v1", "analytics", None, "1.2.3", "none", True, ())
    assert found.required_version is None


def test_what_went_without_notice_cannot_make_up_for_it() -> None:
    found = judge(catalog(FLOW), Catalog((SOURCE,), ()))["dataflow flow.v1"]
    assert (found.after, found.required_bump, found.sufficient, found.required_version) == (
        None,
        "major",
        False,
        None,
    )


def test_what_went_after_its_last_day_owes_nothing() -> None:
    old = replace(FLOW, deprecation=Deprecation(date(2027, 1, 30), "nothing"))
    found = judge(catalog(old), Catalog((SOURCE,), ()))["dataflow flow.v1"]
    assert (found.required_bump, found.sufficient) == ("none", True)


def test_a_dataset_may_go_once_no_dataflow_reads_it() -> None:
    unread = replace(FLOW, inputs=())
    assert judge(catalog(unread), Catalog((), (unread,)))["dataset source"].sufficient
    assert not judge(catalog(FLOW), Catalog((), (unread,)))["dataset source"].sufficient


def test_a_dataflow_replaced_by_its_next_major_version_has_taken_the_step() -> None:
    after = replace(BREAKING, version="2.0.0")
    found = judge(catalog(FLOW), catalog(after))
    assert list(found) == ["dataflow flow.v2"]
    assert found["dataflow flow.v2"].required_bump == "major"
    assert found["dataflow flow.v2"].sufficient


@pytest.mark.parametrize(
    ("changed", "consumed"),
    [
        (replace(FLOW, outputs=(replace(MORE, min_rows=1), *FLOW.outputs[1:])), True),
        (replace(FLOW, outputs=(MORE, File("plot", "A plot.", ".jpg"))), False),
        (replace(FLOW, owner="sales"), True),
        (replace(FLOW, params=()), False),
    ],
)
def test_who_reads_the_changed_table_is_named(changed: DataflowContract, consumed: bool) -> None:
    new = Catalog((SOURCE,), (changed, replace(READER, inputs=(changed.input("more"),))))
    found = judge(OLD, new)["dataflow flow.v1"]
    assert found.consumers == ((Consumer("reader.v1", "sales", "more"),) if consumed else ())


def test_who_reads_a_table_of_a_dataset_is_named() -> None:
    source = replace(SOURCE, tables=(replace(ROWS, min_rows=1),))
    flow = replace(FLOW, inputs=(source.input("rows"),))
    found = judge(OLD, Catalog((source,), (flow, READER)))
    assert list(found) == ["dataset source"]
    assert found["dataset source"].consumers == (Consumer("flow.v1", "analytics", "rows"),)


def test_who_read_what_is_gone_is_named_from_the_old_catalog() -> None:
    freed = replace(READER, inputs=(), owner="marketing")
    before = (Consumer("reader.v1", "sales", "more"),)
    without_table = Catalog((SOURCE,), (replace(FLOW, outputs=FLOW.outputs[1:]), freed))
    assert judge(OLD, without_table)["dataflow flow.v1"].consumers == before
    assert judge(OLD, Catalog((SOURCE,), (freed,)))["dataflow flow.v1"].consumers == before


def test_who_has_moved_to_the_next_major_version_is_named_once() -> None:
    two = replace(BREAKING, version="2.0.0")
    moved = replace(READER, inputs=(two.input("more"),))
    found = judge(OLD, Catalog((SOURCE,), (two, moved)))["dataflow flow.v2"]
    assert found.consumers == (Consumer("reader.v1", "sales", "more"),)
