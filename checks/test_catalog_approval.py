"""Whether one team or both must approve a change of the catalog depends on what it does to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from catalog_approval import judge_catalog

from isthmus_contracts import Column, DataflowContract, Dataset, File, Param, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import Deprecation
from isthmus_contracts.tools.document import catalog_document

TODAY = date(2026, 5, 1)
PLATFORM = "@isthmus/platform"
DATA = "@isthmus/data-science"
BOTH = (DATA, PLATFORM)

GAUGES = Table("gauges", "Readings.", (Column("height", "float64", "Height.", unit="m"),))
HARBOUR = Dataset("harbour", "What the harbour measures.", "operations", (GAUGES,))
HEIGHTS = Table("heights", "One row per hour.", (Column("hour", "int64", "Hour."),))
TIDES = DataflowContract(
    name="tides",
    version="1.0.0",
    owner="data-science",
    description="Computes tides.",
    inputs=(HARBOUR.input("gauges"),),
    outputs=(HEIGHTS,),
    params=(Param("days", "integer", 3, "Days ahead.", minimum=1, maximum=9),),
)
STORAGE = DataflowContract(
    name="storage",
    version="1.0.0",
    owner="platform",
    description="Sums up what the lake holds.",
    inputs=(),
    outputs=(File("summary", "A page.", ".html"),),
)
BEFORE = Catalog((HARBOUR,), (TIDES, STORAGE))

MORE = File("chart", "A chart.", ".png")
WIDER = replace(HEIGHTS, columns=(*HEIGHTS.columns, Column("height", "float64", "Height.")))
OTHER = replace(HEIGHTS, columns=(Column("instant", "timestamp", "Instant."),))


def _with(*dataflows: DataflowContract, dataset: Dataset = HARBOUR) -> Catalog:
    return Catalog((dataset,), dataflows)


def _judged(after: Catalog, before: Catalog = BEFORE) -> tuple[tuple[str, ...], tuple[str, ...]]:
    agreed = judge_catalog(catalog_document(before), catalog_document(after), TODAY)
    return agreed.teams, agreed.informed


@pytest.mark.parametrize(
    "tides",
    [
        replace(TIDES, outputs=(HEIGHTS, MORE)),
        replace(TIDES, outputs=(WIDER,)),
        replace(TIDES, description="Computes tides, and well."),
        replace(TIDES, version="1.0.1", description="Computes tides, and well."),
        replace(TIDES, deprecation=Deprecation(date(2027, 1, 1), "tides.v2")),
    ],
)
def test_what_is_offered_in_addition_needs_the_owner_only(tides: DataflowContract) -> None:
    assert _judged(_with(tides, STORAGE)) == ((DATA,), (PLATFORM,))


def test_a_new_dataflow_needs_its_owner_only() -> None:
    surge = replace(TIDES, name="surge")
    assert _judged(_with(TIDES, STORAGE, surge)) == ((DATA,), (PLATFORM,))


def test_the_owner_may_be_the_platform() -> None:
    storage = replace(STORAGE, outputs=(*STORAGE.outputs, MORE))
    assert _judged(_with(TIDES, storage)) == ((PLATFORM,), (DATA,))


def test_additions_of_two_owners_need_both() -> None:
    tides = replace(TIDES, outputs=(HEIGHTS, MORE))
    storage = replace(STORAGE, outputs=(*STORAGE.outputs, MORE))
    assert _judged(_with(tides, storage)) == (BOTH, ())


def test_another_owner_needs_the_old_one_and_the_new_one() -> None:
    assert _judged(_with(replace(TIDES, owner="platform"), STORAGE)) == (BOTH, ())


@pytest.mark.parametrize("owner", ["sea", "platform\nteams=[]"])
def test_an_owner_that_is_no_team_of_ours_needs_both(owner: str) -> None:
    surge = replace(TIDES, name="surge", owner=owner)
    assert _judged(_with(TIDES, STORAGE, surge)) == (BOTH, ())


@pytest.mark.parametrize(
    "tides",
    [
        replace(TIDES, outputs=(OTHER,)),
        replace(TIDES, outputs=(MORE,)),
        replace(TIDES, version="2.0.0", outputs=(MORE,)),
        replace(TIDES, inputs=()),
        replace(TIDES, params=(*TIDES.params, Param("station", "string", "a", "Station."))),
        replace(TIDES, params=(Param("days", "integer", 3, "Days ahead.", minimum=2, maximum=9),)),
        replace(TIDES, params=(Param("days", "integer", 4, "Days ahead.", minimum=1, maximum=9),)),
        replace(TIDES, params=()),
    ],
)
def test_what_breaks_or_asks_for_something_else_needs_both(tides: DataflowContract) -> None:
    assert _judged(_with(tides, STORAGE)) == (BOTH, ())


def test_an_addition_does_not_cover_what_breaks_elsewhere() -> None:
    tides = replace(TIDES, outputs=(HEIGHTS, MORE))
    storage = replace(STORAGE, outputs=(replace(STORAGE.outputs[0], suffix=".md"),))
    assert _judged(_with(tides, storage)) == (BOTH, ())


def test_a_dropped_dataflow_needs_both() -> None:
    assert _judged(_with(TIDES)) == (BOTH, ())


@pytest.mark.parametrize(
    "dataset",
    [
        replace(HARBOUR, description="What is measured."),
        replace(HARBOUR, tables=(*HARBOUR.tables, HEIGHTS)),
        replace(HARBOUR, name="haven"),
    ],
)
def test_a_dataset_needs_both(dataset: Dataset) -> None:
    tides = replace(TIDES, inputs=(dataset.input("gauges"),))
    assert _judged(_with(tides, STORAGE, dataset=dataset)) == (BOTH, ())


def test_a_new_dataset_needs_both() -> None:
    sea = replace(HARBOUR, name="sea")
    assert _judged(Catalog((HARBOUR, sea), BEFORE.dataflows)) == (BOTH, ())


def test_a_catalog_that_says_the_same_needs_both() -> None:
    assert _judged(BEFORE) == (BOTH, ())


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (None, "{}", "contracts/catalog.json is not there before"),
        (catalog_document(BEFORE), None, "contracts/catalog.json is not there now"),
        ("{", "{}", "contracts/catalog.json cannot be read before: "),
        (catalog_document(BEFORE), "[]", "contracts/catalog.json cannot be read now: "),
    ],
)
def test_a_catalog_that_cannot_be_read_needs_both(
    before: str | None, after: str | None, reason: str
) -> None:
    agreed = judge_catalog(before, after, TODAY)
    assert agreed.teams == BOTH
    assert agreed.reason.startswith(reason)


def test_the_reason_names_what_was_changed() -> None:
    after = _with(replace(TIDES, outputs=(WIDER,)), STORAGE)
    agreed = judge_catalog(catalog_document(BEFORE), catalog_document(after), TODAY)
    assert agreed.reason == (
        "offered in addition: dataflow tides.v1, heights.height (column-added)"
    )
