from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import (
    Column,
    DataflowContract,
    Dataset,
    DeclarationError,
    File,
    Input,
    Table,
    UnknownNameError,
)
from isthmus_contracts.catalog import CATALOG, FLIGHT_DELAYS, NYC_FLIGHTS, Catalog

RAW = Table("raw", "Raw.", (Column("id", "int64", "A number."),))
SOURCE = Dataset("source", "A source.", "operations", (RAW,))
FIRST = DataflowContract(
    name="first",
    version="1.0.0",
    owner="analytics",
    description="The first.",
    inputs=(SOURCE.input("raw"),),
    outputs=(Table("clean", "Clean.", (Column("id", "int64", "A number."),)),),
)
SECOND = DataflowContract(
    name="second",
    version="1.0.0",
    owner="analytics",
    description="The second.",
    inputs=(FIRST.input("clean"),),
    outputs=(File("plot", "A plot.", ".png"),),
)
NEWER = replace(FIRST, version="10.0.0")
OLDER = replace(FIRST, version="2.0.0")


def test_a_dataflow_is_found_by_name_and_by_identity() -> None:
    catalog = Catalog((SOURCE,), (NEWER, FIRST, OLDER))
    assert catalog.dataflow("first") is NEWER
    assert catalog.dataflow("first.v1") is FIRST
    assert catalog.dataflow("first.v2") is OLDER


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("third", "unknown dataflow 'third'; known: 'first', 'second'"),
        ("first.v3", "unknown dataflow 'first.v3'; did you mean 'first.v1'?"),
        ("", "unknown dataflow ''; known: 'first', 'second'"),
    ],
)
def test_an_unknown_dataflow_lists_the_known_ones(name: str, message: str) -> None:
    catalog = Catalog((SOURCE,), (FIRST, NEWER, SECOND))
    with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
        catalog.dataflow(name)


def test_the_readers_of_a_dataflow_are_those_that_read_its_major_version() -> None:
    catalog = Catalog((SOURCE,), (FIRST, NEWER, SECOND))
    assert catalog.readers(FIRST.identity) == (SECOND,)
    assert catalog.readers(NEWER.identity) == ()


def test_a_dataset_is_found_by_name() -> None:
    assert Catalog((SOURCE,), ()).dataset("source") is SOURCE
    with pytest.raises(UnknownNameError, match=r"^unknown dataset 'x'; known: 'source'$"):
        Catalog((SOURCE,), ()).dataset("x")


def test_names_are_declared_once() -> None:
    with pytest.raises(DeclarationError, match=r"^dataset 'source' is declared twice$"):
        Catalog((SOURCE, SOURCE), ())
    with pytest.raises(DeclarationError, match=r"^dataflow 'first\.v1' is declared twice$"):
        Catalog((SOURCE,), (FIRST, replace(FIRST, version="1.1.0")))


@pytest.mark.parametrize(
    ("datasets", "dataflows", "message"),
    [
        ((), (FIRST,), "dataflow 'first' reads 'raw' of 'source', which nothing listed before it"),
        ((SOURCE,), (SECOND, FIRST), "dataflow 'second' reads 'clean' of 'first.v1', which"),
        ((SOURCE,), (NEWER, SECOND), "dataflow 'second' reads 'clean' of 'first.v1', which"),
        (
            (replace(SOURCE, tables=(replace(RAW, min_rows=1),)),),
            (FIRST,),
            "dataflow 'first' reads 'raw' of 'source', which nothing listed before it offers in",
        ),
    ],
)
def test_a_dataflow_reads_only_what_is_offered_before_it(
    datasets: tuple[Dataset, ...], dataflows: tuple[DataflowContract, ...], message: str
) -> None:
    with pytest.raises(DeclarationError, match=re.escape(message)):
        Catalog(datasets, dataflows)


def test_a_dataflow_does_not_read_itself() -> None:
    itself = replace(FIRST, inputs=(Input(RAW, FIRST.identity),))
    with pytest.raises(DeclarationError, match=r"reads 'raw' of 'first\.v1'"):
        Catalog((SOURCE,), (itself,))


def test_a_dataset_and_a_dataflow_of_one_name_are_told_apart() -> None:
    twin = replace(SOURCE, name="first")
    reader = replace(SECOND, inputs=(Input(RAW, FIRST.identity),))
    with pytest.raises(DeclarationError, match="reads 'raw'"):
        Catalog((SOURCE, twin), (FIRST, reader))


@given(st.permutations([FIRST, SECOND, NEWER]))
def test_an_order_is_accepted_exactly_if_it_can_be_followed(order: list[DataflowContract]) -> None:
    if order.index(FIRST) < order.index(SECOND):
        assert Catalog((SOURCE,), tuple(order)).dataflow("second") is SECOND
    else:
        with pytest.raises(DeclarationError, match="dataflow 'second' reads"):
            Catalog((SOURCE,), tuple(order))


@given(st.text())
def test_any_name_is_found_or_unknown(name: str) -> None:
    try:
        found = CATALOG.dataflow(name)
    except UnknownNameError as error:
        assert error.name == name  # noqa: PT017
        return
    assert name in (found.name, str(found.identity))


def test_everything_in_force_can_be_looked_up() -> None:
    assert CATALOG.dataset("nyc_flights") is NYC_FLIGHTS
    assert CATALOG.dataflow("flight_delays") is FLIGHT_DELAYS
    for dataflow in CATALOG.dataflows:
        assert CATALOG.dataflow(str(dataflow.identity)) is dataflow
        for output in dataflow.outputs:
            assert dataflow.output(output.name) is output


def test_everything_in_force_is_described_and_owned() -> None:
    in_force: list[Dataset | DataflowContract] = [*CATALOG.datasets, *CATALOG.dataflows]
    for declared in in_force:
        assert declared.owner
        assert declared.description.endswith(".")
    tables = [table for dataset in CATALOG.datasets for table in dataset.tables]
    outputs = [output for dataflow in CATALOG.dataflows for output in dataflow.outputs]
    for table in (*tables, *(output for output in outputs if isinstance(output, Table))):
        for column in table.columns:
            assert column.description.endswith("."), f"{table.name}.{column.name}"
