from __future__ import annotations

from dataclasses import replace
from datetime import date

from isthmus_contracts import Deprecation, Param
from isthmus_contracts.catalog import CARRIER_DAYS, NYC_FLIGHTS
from isthmus_contracts.tools.compatibility.dataflows import compare_dataflows, compare_datasets

SEED = Param("seed", "integer", 1, "Seed.")


def test_a_revision_that_differs_in_its_version_alone_has_no_difference() -> None:
    later = replace(CARRIER_DAYS, version="1.9.0")
    assert list(compare_dataflows(CARRIER_DAYS, later, "x")) == []
    assert list(compare_datasets(NYC_FLIGHTS, replace(NYC_FLIGHTS, version="9.0.0"), "x")) == []


def test_each_part_of_a_dataflow_is_compared() -> None:
    (table,) = CARRIER_DAYS.outputs
    old = replace(CARRIER_DAYS, owner="others", params=())
    new = replace(
        CARRIER_DAYS,
        params=(SEED,),
        outputs=(table, replace(table, name="more")),
        deprecation=Deprecation(date(2030, 1, 1), "nothing"),
    )
    found = [(item.rule, item.side, item.place) for item in compare_dataflows(old, new, "x")]
    assert found == [
        ("owner-changed", "output", ""),
        ("deprecated", "output", ""),
        ("param-added", "input", "seed"),
        ("output-added", "output", "more"),
    ]


def test_a_table_of_a_dataset_that_is_gone_is_a_difference() -> None:
    fewer = replace(NYC_FLIGHTS, tables=NYC_FLIGHTS.tables[1:])
    (difference,) = compare_datasets(NYC_FLIGHTS, fewer, "dataset nyc_flights")
    assert (difference.rule, difference.subject) == ("table-dropped", "dataset nyc_flights")
    assert difference.place == NYC_FLIGHTS.tables[0].name
