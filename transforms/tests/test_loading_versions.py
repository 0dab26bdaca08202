"""Two major versions of a dataflow run beside each other, and share the functions of a module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import isthmus_transforms.dataflows
import isthmus_transforms.shared
from isthmus_contracts import Column, DataflowContract, Dataset, Table
from isthmus_contracts.catalog import Catalog
from isthmus_transforms import loading
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.loading import load_dataflow

ORDERS = Table("orders", "Orders.", (Column("price", "float64", "Price."),))
SHOP = Dataset("shop", "The shop.", "operations", (ORDERS,))
TOTAL = Table("total", "One row.", (Column("total", "float64", "Sum."),))
FIRST = DataflowContract("takings", "1.0.0", "sales", "Sums.", (SHOP.input("orders"),), (TOTAL,))
SECOND = replace(FIRST, version="2.0.0")

SHARED = """
import pandas as pd

def net(orders: pd.DataFrame) -> float:
    return float(orders["price"].sum())
"""
OWN = """
import pandas as pd

def total(net: float) -> pd.DataFrame:
    return pd.DataFrame({{"total": [net * {factor}]}})
"""
DECLARED = """
from isthmus_transforms import loading
from isthmus_transforms.dataflows.{package} import own
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.shared import takings

dataflow = Dataflow(loading.CATALOG.dataflow("takings.v{major}"), modules=(takings, own))
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two versions of a dataflow, and what both share."""
    monkeypatch.setattr(loading, "CATALOG", Catalog((SHOP,), (FIRST, SECOND)))
    (tmp_path / "takings.py").write_text(SHARED)
    for major, package in ((1, "takings"), (2, "takings_v2")):
        folder = tmp_path / "dataflows" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(DECLARED.format(package=package, major=major))
        (folder / "own.py").write_text(OWN.format(factor=major))
    for parent, folder in (
        (isthmus_transforms.shared, tmp_path),
        (isthmus_transforms.dataflows, tmp_path / "dataflows"),
    ):
        monkeypatch.setattr(parent, "__path__", [*parent.__path__, str(folder)])
    return tmp_path


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget the planted modules after the test."""
    yield
    for parent, name in (
        (isthmus_transforms.dataflows, "takings"),
        (isthmus_transforms.dataflows, "takings_v2"),
        (isthmus_transforms.shared, "takings"),
    ):
        vars(parent).pop(name, None)
        sys.modules.pop(f"{parent.__name__}.{name}", None)
        sys.modules.pop(f"{parent.__name__}.{name}.own", None)


@pytest.mark.usefixtures("planted")
def test_both_versions_compute_with_the_shared_functions() -> None:
    orders = pd.DataFrame({"price": [1.5, 2.5]})
    for name, total in (("takings.v1", 4.0), ("takings.v2", 8.0), ("takings", 8.0)):
        dataflow = load_dataflow(name)
        assert dataflow.compute("net", {"orders": orders}) == 4.0
        assert dataflow.compute("total", {"orders": orders})["total"].tolist() == [total]


def test_a_function_of_both_the_shared_module_and_a_version_is_refused(planted: Path) -> None:
    own = planted / "dataflows" / "takings_v2" / "own.py"
    own.write_text(OWN.format(factor=2) + SHARED)
    with pytest.raises(DefinitionError, match="net"):
        load_dataflow("takings").describe()
