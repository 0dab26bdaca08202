from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.catalog import CATALOG
from isthmus_transforms.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("sales")
def test_describe_shows_contract_and_functions_as_they_are_written(capsys: Capture) -> None:
    assert main(["describe", "sales"]) == 0
    printed = capsys.readouterr().out
    for shown in (
        "sales.v1 1.2.0, owner analytics",
        "Sums orders up.",
        "One row per order.",
        "number from 0 to 100",
        "array, each value: string",
        '{"USD": 1.5}',
        "table, 1 columns",
        "file, .txt",
        "1 metrics",
        "One row, in [EUR].",
        "Numbers :bug:.",
        "functions.py:4",
        "Sum with tax [/] in [bold]EUR[/bold].",
    ):
        assert shown in printed, shown


@pytest.mark.parametrize("contract", CATALOG.dataflows, ids=lambda contract: contract.name)
def test_describe_knows_every_dataflow(contract: DataflowContract, capsys: Capture) -> None:
    assert main(["describe", contract.name]) == 0
    printed = capsys.readouterr().out
    assert all(declared.name in printed for declared in (*contract.inputs, *contract.outputs))


@pytest.mark.usefixtures("by_day")
def test_describe_says_how_a_table_is_partitioned(capsys: Capture) -> None:
    assert main(["describe", "sales"]) == 0
    printed = capsys.readouterr().out
    for shown in ("table, 1 columns, by month of day", "shop, filtered by day"):
        assert shown in printed


def test_describe_shows_the_functions_that_the_params_choose(capsys: Capture) -> None:
    assert main(["describe", "flight_delays"]) == 0
    default = capsys.readouterr().out
    assert main(["describe", "flight_delays", "--model", "boosting"]) == 0
    chosen = capsys.readouterr().out
    assert "Logistic regression;" in default
    assert "Gradient boosting of trees," in chosen
    assert "Logistic regression;" not in chosen


def test_a_param_that_is_not_allowed_is_one_line(error_line: Callable[..., str]) -> None:
    line = error_line("describe", "flight_delays", "--model", "boost")
    assert line == ("isthmus: param 'model' is 'boost'; allowed: one of 'logistic', 'boosting'")
