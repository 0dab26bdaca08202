from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import isthmus_transforms.dataflows
from isthmus_contracts import DeclarationError, Identity, UnknownNameError
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.testing import sample_catalog
from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_transforms import loading
from isthmus_transforms.errors import DefinitionError, ImportFailedError
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


def test_a_package_that_cannot_be_imported_says_why_and_where(plant: Planter) -> None:
    plant("import json\n\nimport no_such_library")
    with pytest.raises(ImportFailedError) as caught:
        load_dataflow("station_days")
    error = caught.value
    assert str(error) == (
        "isthmus_transforms.dataflows.station_days_v2 cannot be imported "
        "(station_days_v2/__init__.py:3): ModuleNotFoundError: No module named 'no_such_library'"
    )
    assert (error.file, error.line) == ("station_days_v2/__init__.py", 3)
    assert isinstance(error.__cause__, ModuleNotFoundError)
    assert error.traceback.splitlines()[-1] == error.problem


@pytest.mark.parametrize(
    ("source", "place", "problem"),
    [
        ("def days(:\n    pass", "days.py:1", "SyntaxError: "),
        ("A = 1\n  B = 2", "days.py:2", "IndentationError: unexpected indent"),
        ("\nA = 1 / 0", "days.py:2", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(0)", "days.py:2", "SystemExit: 0"),
        ("eval('1 +')", "days.py:1", "SyntaxError: "),
        ("import json\njson.loads('')", "days.py:2", "JSONDecodeError: Expecting value"),
        (
            "from hamilton.function_modifiers import tag\n@tag(module='x')\ndef a() -> int: ...",
            "days.py:2",
            "InvalidDecoratorException: The following tags are invalid",
        ),
        (
            "from isthmus_transforms.runtime import Dataflow\nDataflow()",
            "days.py:2",
            "TypeError: ",
        ),
    ],
)
def test_a_module_that_cannot_be_imported_shows_the_authors_lines_only(
    plant: Planter, tmp_path: Path, source: str, place: str, problem: str
) -> None:
    plant("from isthmus_transforms.dataflows.station_days_v2 import days\n")
    (tmp_path / "station_days_v2" / "days.py").write_text(source)
    with pytest.raises(ImportFailedError) as caught:
        load_dataflow("station_days")
    error = caught.value
    assert f"{error.file}:{error.line}" == f"station_days_v2/{place}"
    assert error.problem.startswith(problem)
    first, *shown = re.findall(r'File "(.*)", line', error.traceback)
    assert first.endswith("station_days_v2/__init__.py")
    assert any(name.endswith("station_days_v2/days.py") for name in shown)
    assert "importlib" not in error.traceback
    assert "loading.py" not in error.traceback


def test_a_mistake_that_has_a_message_of_its_own_is_reported_as_it_is(plant: Planter) -> None:
    plant("from isthmus_contracts import Column\nColumn('a', 'text', 'Which.')")
    with pytest.raises(DeclarationError, match="'text'"):
        load_dataflow("station_days")
