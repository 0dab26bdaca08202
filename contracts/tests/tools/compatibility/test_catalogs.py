from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from isthmus_contracts import (
    Checkpoint,
    Column,
    DataflowContract,
    Dataset,
    Deprecation,
    File,
    Identity,
    Metric,
    Metrics,
    Output,
    Param,
    Table,
)
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.tools.compatibility import LEVELS, compare, version_checks
from isthmus_contracts.tools.compatibility.catalogs import pairs
from isthmus_contracts.tools.compatibility.differences import Place
from isthmus_contracts.tools.compatibility.rules import EFFECTS
from isthmus_contracts.tools.compatibility.tables import compare_tables
from isthmus_contracts.tools.document import catalog_document, parse_catalog

TODAY = date(2027, 1, 31)
WORDS = st.sampled_from(["One.", "Another."])
BIG = 2**63 - 1  # no float can say it


def flow(version: str, name: str = "flow") -> DataflowContract:
    return DataflowContract(
        name, version, "analytics", "Flows.", (), (File("plot", "A plot.", ".png"),)
    )


# Few names and values, so that two catalogs have much in common.


@st.composite
def ranges(draw: DrawFn) -> dict[str, int | None]:
    ends = draw(st.lists(st.sampled_from([0, 1, BIG]), min_size=2, max_size=2))
    low, high = sorted(ends)
    return {
        "minimum": draw(st.sampled_from([None, low])),
        "maximum": draw(st.sampled_from([None, high])),
    }


@st.composite
def columns(draw: DrawFn) -> Column:
    kind = draw(st.sampled_from(["string", "int64", "float64"]))
    choices = st.sampled_from([(), ("x",), ("x", "y"), ("y", "x"), ("y", "z")])
    return Column(
        draw(st.sampled_from("abc")),
        kind,
        draw(WORDS),
        unit=draw(st.sampled_from([None, "m"])),
        nullable=draw(st.booleans()),
        choices=draw(choices) if kind == "string" else (),
        inexact=kind == "float64" and draw(st.booleans()),
        **({} if kind == "string" else draw(ranges())),
    )


@st.composite
def tables(draw: DrawFn, name: str) -> Table:
    own = tuple(
        draw(st.lists(columns(), min_size=1, max_size=3, unique_by=lambda column: column.name))
    )
    able = [column.name for column in own if not column.nullable]
    key = draw(st.lists(st.sampled_from(able), unique=True)) if able else []
    return Table(name, draw(WORDS), own, tuple(key), draw(st.integers(0, 2)))


@st.composite
def params(draw: DrawFn, name: str) -> Param:
    kind = draw(st.sampled_from(["integer", "number", "string"]))
    if kind == "string":
        return Param(name, kind, "x", draw(WORDS), choices=draw(st.sampled_from([(), ("x", "y")])))
    choices = draw(st.sampled_from([(), (1,), (1, 2), (2, 1)]))
    ends = {
        "minimum": draw(st.sampled_from([None, 0, 1])),
        "maximum": draw(st.sampled_from([None, 2, 3])),
    }
    return Param(
        name, kind, draw(st.sampled_from(choices or [1, 2])), draw(WORDS), choices=choices, **ends
    )


def outputs(name: str) -> SearchStrategy[Output]:
    metrics = st.builds(
        lambda name, words, ends, nullable: Metric(name, words, nullable=nullable, **ends),
        st.sampled_from("mn"),
        WORDS,
        ranges(),
        st.booleans(),
    )
    return st.one_of(
        tables(name),
        st.builds(File, st.just(name), WORDS, st.sampled_from([".png", ".html"])),
        st.builds(
            Metrics,
            st.just(name),
            WORDS,
            st.lists(metrics, min_size=1, max_size=2, unique_by=lambda metric: metric.name).map(
                tuple
            ),
        ),
    )


@st.composite
def dataflows(
    draw: DrawFn, identity: Identity, offered: dict[str, list[Dataset | DataflowContract]]
) -> DataflowContract:
    names = st.lists(st.sampled_from("rs"), min_size=1, max_size=2, unique=True)
    own = tuple(draw(outputs(name)) for name in draw(names))
    free = [name for name in offered if name not in {output.name for output in own}]
    read = draw(st.lists(st.sampled_from(free), unique=True)) if free else []
    ends = st.builds(Deprecation, st.dates(date(2027, 1, 1), date(2027, 1, 3)), WORDS)
    return DataflowContract(
        identity.name,
        f"{identity.major}.{draw(st.integers(0, 1))}.0",
        draw(st.sampled_from(["analytics", "sales"])),
        draw(WORDS),
        tuple(draw(st.sampled_from(offered[name])).input(name) for name in read),
        own,
        tuple(draw(params(name)) for name in draw(st.lists(st.sampled_from("tu"), unique=True))),
        tuple(
            Checkpoint(name, draw(WORDS))
            for name in draw(st.lists(st.sampled_from("vw"), unique=True))
        ),
        draw(st.none() | ends),
    )


@st.composite
def catalogs(draw: DrawFn) -> Catalog:
    offered: dict[str, list[Dataset | DataflowContract]] = {}
    sources = []
    for name in draw(st.lists(st.sampled_from(["raw", "other"]), unique=True)):
        own = tuple(
            draw(tables(name)) for name in draw(st.lists(st.sampled_from("pq"), unique=True))
        )
        version = draw(st.sampled_from(["1.0.0", "1.1.0"]))
        sources.append(Dataset(name, draw(WORDS), "operations", own, version))
        for output in own:
            offered.setdefault(output.name, []).append(sources[-1])
    flows = []
    wanted = st.lists(st.builds(Identity, st.sampled_from("fg"), st.integers(0, 2)), unique=True)
    for identity in draw(wanted):
        flows.append(draw(dataflows(identity, offered)))
        for output in flows[-1].outputs:
            if isinstance(output, Table):
                offered.setdefault(output.name, []).append(flows[-1])
    return Catalog(tuple(sources), tuple(flows))


def content(catalog: Catalog) -> dict[str, object]:
    return {
        **{dataset.name: replace(dataset, version="1.0.0") for dataset in catalog.datasets},
        **{
            str(dataflow.identity): (
                replace(dataflow, version="1.0.0", inputs=()),
                [(one.name, one.source) for one in dataflow.inputs],
            )
            for dataflow in catalog.dataflows
        },
    }


@given(catalogs())
def test_a_catalog_does_not_differ_from_itself_nor_from_its_document(catalog: Catalog) -> None:
    assert compare(catalog, catalog, TODAY) == ()
    text = catalog_document(catalog)
    assert parse_catalog(text) == catalog
    assert catalog_document(parse_catalog(text)) == text


@given(catalogs(), catalogs())
def test_whatever_differs_is_reported_and_nothing_else(old: Catalog, new: Catalog) -> None:
    assert (compare(old, new, TODAY) == ()) is (content(old) == content(new))


@given(tables("p"), tables("p"))
def test_whatever_differs_in_a_table_is_reported_and_nothing_else(old: Table, new: Table) -> None:
    assert (list(compare_tables(old, new, Place("dataset raw", "input"))) == []) is (old == new)


@given(catalogs(), catalogs())
def test_every_difference_weighs_no_less_at_a_stricter_level(old: Catalog, new: Catalog) -> None:
    for difference in compare(old, new, TODAY):
        severity = [EFFECTS.index(difference.classified(level)) for level in LEVELS]
        assert severity == sorted(severity, reverse=True)


@given(catalogs(), catalogs())
def test_every_difference_has_a_version_check_which_a_major_step_satisfies(
    old: Catalog, new: Catalog
) -> None:
    differences = compare(old, new, TODAY)
    for level in LEVELS:
        found = version_checks(old, new, differences, level)
        assert {difference.subject for difference in differences} <= {
            result.subject for result in found
        }
        for result in found:
            assert result.sufficient or result.required_version or result.after is None


def test_the_real_catalog_does_not_differ_from_its_document() -> None:
    assert compare(parse_catalog(catalog_document(CATALOG)), CATALOG, TODAY) == ()


def test_no_catalog_but_an_empty_one_is_all_new() -> None:
    rules = {difference.rule for difference in compare(Catalog((), ()), CATALOG, TODAY)}
    assert rules == {"dataset-added", "dataflow-added"}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (["1.0.0"], ["1.4.0"], [("1.0.0", "1.4.0")]),
        (["1.0.0"], ["2.0.0"], [("1.0.0", "2.0.0")]),
        (["1.0.0"], ["1.0.0", "2.0.0"], [("1.0.0", "1.0.0"), (None, "2.0.0")]),
        (["1.0.0", "2.0.0"], ["2.0.0"], [("2.0.0", "2.0.0"), ("1.0.0", None)]),
        (["1.0.0", "2.0.0"], ["3.0.0"], [("2.0.0", "3.0.0"), ("1.0.0", None)]),
        (
            ["1.0.0", "2.0.0"],
            ["2.0.0", "3.0.0"],
            [("2.0.0", "2.0.0"), (None, "3.0.0"), ("1.0.0", None)],
        ),
        (["1.0.0"], ["2.0.0", "3.0.0"], [("1.0.0", "2.0.0"), (None, "3.0.0")]),
        (["9.0.0"], ["10.0.0"], [("9.0.0", "10.0.0")]),
        (["2.0.0"], ["1.0.0"], [("2.0.0", "1.0.0")]),
        (["0.9.0"], ["1.0.0"], [("0.9.0", "1.0.0")]),
    ],
)
def test_the_newest_major_version_is_replaced_by_the_next(
    old: list[str], new: list[str], found: list[tuple[str | None, str | None]]
) -> None:
    before, after = (Catalog((), tuple(map(flow, versions))) for versions in (old, new))
    versions = [
        (pair.old and pair.old.version, pair.new and pair.new.version)
        for pair in pairs(before, after)
    ]
    assert versions == found


def test_a_dataflow_does_not_replace_one_of_another_name() -> None:
    before, after = Catalog((), (flow("1.0.0", "one"),)), Catalog((), (flow("2.0.0", "two"),))
    assert [
        (difference.rule, difference.subject) for difference in compare(before, after, TODAY)
    ] == [
        ("dataflow-added", "dataflow two.v2"),
        ("dataflow-dropped", "dataflow one.v1"),
    ]


def test_the_differences_of_a_replaced_dataflow_are_listed_under_its_new_name() -> None:
    after = replace(flow("2.0.0"), owner="sales")
    found = compare(Catalog((), (flow("1.0.0"),)), Catalog((), (after,)), TODAY)
    assert [(result.rule, result.before, result.after) for result in found] == [
        ("dataflow-replaced", "flow.v1", "flow.v2"),
        ("owner-changed", "analytics", "sales"),
    ]
    assert {result.subject for result in found} == {"dataflow flow.v2"}
