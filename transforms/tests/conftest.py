"""Dataflows made up for one test: their functions are written down as text, in a file."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import settings

from isthmus_contracts import Checkpoint, Column, File, Output, Param, Table
from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts.dataflows import Input
from isthmus_transforms.runtime import Dataflow

# Sessions run beside each other, so an example may take longer than Hypothesis would allow it.
settings.register_profile("transforms", deadline=None)
settings.load_profile("transforms")

ORDERS = Table(
    "orders",
    "One row per order.",
    (Column("id", "int64", "Number."), Column("price", "float64", "Price.", nullable=True)),
    key=("id",),
)


DATED = replace(ORDERS, columns=(*ORDERS.columns, Column("day", "date", "Of the order.")))


@pytest.fixture
def dated_orders() -> pd.DataFrame:
    """Two orders in December, three in January, none in February, one in March."""
    days = ["2012-12-30", "2012-12-31", "2013-01-01", "2013-01-15", "2013-01-31", "2013-03-01"]
    numbers = [6, 2, 5, 3, 1, 4]
    prices = [float(number) for number in numbers]
    return pd.DataFrame({"id": numbers, "price": prices, "day": pd.to_datetime(days)})


@pytest.fixture
def orders() -> pd.DataFrame:
    return pd.DataFrame({"id": [1, 2, 3], "price": [1.5, 2.5, 4.0]})


@pytest.fixture
def module_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModuleType]:
    """Return a function that makes a module of a source text, in a package called `sample`."""
    package = tmp_path / "sample"
    package.mkdir()
    (package / "__init__.py").touch()

    def make(source: str, name: str = "functions") -> ModuleType:
        path = package / f"{name}.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"sample.{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"sample.{name}", module)  # Hamilton looks there
        spec.loader.exec_module(module)
        return module

    return make


@pytest.fixture
def flow_of(module_of: Callable[[str], ModuleType]) -> Callable[..., Dataflow]:
    """Return a function that ties a source text to a contract that takes `orders`.

    Outputs are declared as files where only their name is given. The orders have a day if they are
    read `within` it.
    """

    def make(
        source: str,
        *outputs: str | Output,
        params: tuple[Param, ...] = (),
        checkpoints: dict[str, str] | None = None,
        filter_column: str | None = None,
    ) -> Dataflow:
        contract = Contract(
            name="sales",
            version="1.2.0",
            owner="analytics",
            description="Sums orders up.",
            inputs=(Input(DATED if filter_column else ORDERS, "shop", filter_column),),
            params=params,
            outputs=tuple(
                File(output, f"The {output}.", ".txt") if isinstance(output, str) else output
                for output in outputs
            ),
            checkpoints=tuple(Checkpoint(checkpoint, "A cut.") for checkpoint in checkpoints or ()),
        )
        return Dataflow(contract, (module_of(source),), checkpoints or {})

    return make
