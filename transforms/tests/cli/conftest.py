"""The catalogs and input files that the commands are tried with, in a folder for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, Metric, Metrics, Param, Partitioning, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import Dataset
from isthmus_transforms import loading
from isthmus_transforms.cli import params
from isthmus_transforms.cli.main import main
from isthmus_transforms.runtime import Dataflow

TOTALS = Table("totals", "One row, in [EUR].", (Column("total", "float64", "Sum.", minimum=0),))
QUALITY = Metrics("quality", "Numbers :bug:.", (Metric("share", "Share of 100%."),))
PARAMS = (
    Param("tax_rate", "number", 0.5, "Rate of tax, in %.", minimum=0, maximum=100),
    Param("copies", "integer", 1, "How often."),
    Param("currency", "string", "EUR", "Which.", choices=("EUR", "USD")),
    Param("loud", "boolean", False, "Whether to shout."),
    Param("notes", "array", [], "What else to say.", of="string"),
    Param("rates", "object", {"USD": 1.5}, "By currency.", of="number", minimum=0),
)
SALES = '''
    import pandas as pd

    def totals(orders: pd.DataFrame, tax_rate: float) -> pd.DataFrame:
        """Sum with tax [/] in [bold]EUR[/bold]."""
        if tax_rate == 13:
            raise ValueError("an unlucky rate")
        return pd.DataFrame({"total": [float(orders["price"].sum() * tax_rate) - 1]})

    def report(totals: pd.DataFrame, copies: int, currency: str, loud: bool) -> str:
        line = f"{totals['total'][0]:g} {currency}"
        return (line.lower() if not loud else line + "!") * copies

    def quality(orders: pd.DataFrame) -> dict[str, float]:
        return {"share": 0.25}
'''


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def catalog_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Dataflow], None]:
    """Return a function that makes a dataflow the only one of the catalog."""

    def replace_catalog(flow: Dataflow) -> None:
        shop = Dataset("shop", "The shop.", "operations", (flow.contract.inputs[0].table,))
        monkeypatch.setattr(params, "CATALOG", Catalog((shop,), (flow.contract,)))
        monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
        Path("in").mkdir()

    return replace_catalog


@pytest.fixture
def sales(
    flow_of: Callable[..., Dataflow],
    orders: pd.DataFrame,
    catalog_of: Callable[[Dataflow], None],
) -> Dataflow:
    """Put `sales` into the catalog, and its inputs into the folder `in`."""
    checkpoints = {"cut": "totals"}
    flow = flow_of(SALES, TOTALS, "report", QUALITY, params=PARAMS, checkpoints=checkpoints)
    catalog_of(flow)
    orders.to_parquet("in/orders.parquet", index=False)
    return flow


DAY = Column("day", "date", "Day.")
DAYS = Table("days", "Days.", (DAY,), partitioning=Partitioning("day", "month"))
BY_DAY = """
    import pandas as pd

    def days(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[["day"]]
"""


@pytest.fixture
def write_orders() -> Callable[[pd.DataFrame], None]:
    """Return a function that writes orders with a day into the folder `in`."""

    def write(orders: pd.DataFrame) -> None:
        days = pa.array(orders["day"].dt.date, pa.date32())
        rows = pa.table({"id": orders["id"].array, "price": orders["price"].array, "day": days})
        pq.write_table(rows, "in/orders.parquet")

    return write


@pytest.fixture
def by_day(
    flow_of: Callable[..., Dataflow],
    dated_orders: pd.DataFrame,
    catalog_of: Callable[[Dataflow], None],
    write_orders: Callable[[pd.DataFrame], None],
) -> None:
    """Put a dataflow with a partitioned output into the catalog, and its inputs into `in`."""
    catalog_of(flow_of(BY_DAY, DAYS, filter_column="day"))
    write_orders(dated_orders)


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a wrong command, and returns its one line of error."""

    def run_command(*arguments: str) -> str:
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        return printed.err.removesuffix("\n")

    return run_command
