from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import isthmus_transforms.dataflows
from isthmus_contracts import Identity, UnknownNameError
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.testing import sample_catalog
from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_transforms import loading
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.loading import load_dataflow, package_of


@pytest.mark.parametrize("contract", CATALOG.dataflows, ids=lambda contract: contract.name)
def test_every_dataflow_of_the_catalog_is_found_and_fits_its_contract(
    contract: isthmus_transforms.runtime.dataflow.Contract,
) -> None:
    found = load_dataflow(contract.name)
    assert found.contract is contract
    assert load_dataflow(str(contract.identity)) is found
    nodes = {node.name for node in found.describe(targets=found.targets).nodes}
    assert nodes >= set(found.targets.values())
    assert nodes >= {declared.name for declared in contract.inputs}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", "unknown dataflow 'nope'; known: 'parcel_delays', 'station_days'"),
        (
            "station_days.v2",
            "unknown dataflow 'station_days.v2'; did you mean 'station_days.v1'?",
        ),
        ("../station_days", "unknown dataflow '../station_days'; did you mean 'station_days.v1'?"),
    ],
)
def test_a_dataflow_that_is_not_in_the_catalog_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setattr(loading, "CATALOG", sample_catalog.CATALOG)
    with pytest.raises(UnknownNameError) as caught:
        load_dataflow(name)
    assert str(caught.value).startswith(message)


def test_a_major_version_is_a_package_of_its_own() -> None:
    versions = {0: "sales", 1: "sales", 2: "sales_v2", 12: "sales_v12"}
    assert {version: package_of(Identity("sales", version)) for version in versions} == versions


Planter = Callable[[str], None]

DECLARED = """
import sys
from dataclasses import replace
import pandas as pd
from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_transforms.runtime import Dataflow

def days(parcel_features: pd.DataFrame) -> pd.DataFrame:
    return parcel_features

def delay_calendar(days: pd.DataFrame) -> bytes:
    return b""

dataflow = Dataflow(replace(STATION_DAYS, version="2.0.0"), modules=(sys.modules[__name__],))
"""


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planter:
    """Return a function that declares version 2 of station_days by a source text.

    Version 1 is there.
    """
    catalog = sample_catalog.CATALOG
    second = replace(STATION_DAYS, version="2.0.0")
    catalog = Catalog(catalog.datasets, (*catalog.dataflows, second))
    monkeypatch.setattr(loading, "CATALOG", catalog)
    path = [*isthmus_transforms.dataflows.__path__, str(tmp_path)]
    monkeypatch.setattr(isthmus_transforms.dataflows, "__path__", path)
    for package in ("station_days", "station_days_v2"):
        name = f"isthmus_transforms.dataflows.{package}"
        monkeypatch.setitem(sys.modules, name, loading)  # so that it is forgotten afterwards
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(isthmus_transforms.dataflows, package, raising=False)

    def make(source: str, package: str = "station_days_v2") -> None:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(source)

    make(DECLARED.replace("2.0.0", "1.0.0"), "station_days")
    return make


def test_a_name_without_a_version_means_the_newest(plant: Planter) -> None:
    plant(DECLARED)
    assert load_dataflow("station_days").contract.version == "2.0.0"
    assert load_dataflow("station_days.v1").contract.version == "1.0.0"


def test_a_contract_without_a_package_is_refused(plant: Planter) -> None:
    del plant
    with pytest.raises(UnknownNameError) as caught:
        load_dataflow("station_days")
    assert str(caught.value) == (
        "unknown dataflow package 'station_days_v2'; did you mean 'station_days'?"
    )


@pytest.mark.parametrize(
    "source", ["", "dataflow = 'later'", DECLARED.replace('"2.0.0"', '"2.0.1"')]
)
def test_a_package_that_implements_another_contract_is_refused(plant: Planter, source: str) -> None:
    plant(source)
    with pytest.raises(DefinitionError) as caught:
        load_dataflow("station_days")
    assert str(caught.value) == (
        "isthmus_transforms.dataflows.station_days_v2 declares no `dataflow` "
        "that implements the contract station_days.v2"
    )


def test_a_package_that_cannot_be_imported_says_why(plant: Planter) -> None:
    plant("import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_dataflow("station_days")
