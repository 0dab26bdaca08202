from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import pytest

from isthmus_contracts.testing import sample_catalog
from isthmus_transforms import loading
from isthmus_transforms.cli import params
from isthmus_transforms.cli.main import main
from isthmus_transforms.errors import ImportFailedError
from isthmus_transforms.runtime import Dataflow

Capture = pytest.CaptureFixture[str]
ErrorLine = Callable[..., str]


@pytest.mark.parametrize(
    "command", [["run", "nope", "--inputs", "."], ["describe", "nope"], ["view", "nope"]]
)
def test_an_unknown_dataflow_is_one_line(
    error_line: ErrorLine, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(loading, "CATALOG", sample_catalog.CATALOG)
    monkeypatch.setattr(params, "CATALOG", sample_catalog.CATALOG)
    line = error_line(*command)
    known = "'parcel_delays', 'station_days', 'courier_days'"
    assert line == f"isthmus: unknown dataflow 'nope'; known: {known}"


@pytest.mark.usefixtures("sales")
def test_a_function_that_raises_shows_the_authors_traceback(capsys: Capture) -> None:
    assert main(["run", "sales", "--inputs", "in", "--tax-rate", "13"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == (
        "isthmus: node 'totals' failed in totals (sample/functions.py:7): "
        "ValueError: an unlucky rate (given orders: DataFrame of 3 x 2, tax_rate: float)"
    )
    assert sum(line.startswith("  File ") for line in lines) == 1
    assert "isthmus_transforms" not in printed.err


def test_a_worker_that_dies_is_one_line(  # noqa: PLR0913, PLR0917 - fixtures
    flow_of: Callable[..., Dataflow],
    catalog_of: Callable[[Dataflow], None],
    orders: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    catalog_of(flow_of("import os\ndef a() -> str: os.kill(os.getpid(), 9)", "a"))
    orders.to_parquet("in/orders.parquet", index=False)
    assert main(["run", "sales", "--inputs", "in", "--engine", "processes", "--workers", "1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("isthmus: a worker process died while node 'a' ran: ")


def test_a_dataflow_that_cannot_be_imported_shows_the_authors_lines(
    sales: Dataflow, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert sales.contract.name == "sales"

    def load(_name: str) -> Dataflow:
        text = "Traceback\nSyntaxError: invalid syntax"
        raise ImportFailedError("sales", "sales/days.py", 3, "SyntaxError: invalid syntax", text)

    monkeypatch.setattr(loading, "load_dataflow", load)
    assert main(["describe", "sales"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "Traceback",
        "SyntaxError: invalid syntax",
        "isthmus: sales cannot be imported (sales/days.py:3): SyntaxError: invalid syntax",
    ]


HELP: Mapping[str, list[str]] = {
    "--help": ["run", "describe", "view", "isthmus run DATAFLOW --help"],
    "run --help": ["--inputs", "--out", "DATAFLOW", "export-inputs"],
    "run sales --help": [
        *("--tax-rate NUMBER", "Rate of tax, in %.", "number from 0 to 100;", "0.5"),
        *("--rates OBJECT", "object, each value: number from 0;", '{"USD": 1.5})'),
    ],
    "describe --help": ["one of sales"],
    "describe sales --help": ["--tax-rate NUMBER", "Rate of tax, in %."],
    "view --help": [".svg or .html"],
    "view sales --help": [".svg or .html", "--tax-rate NUMBER", "Rate of tax, in %."],
}


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("command", HELP)
def test_each_command_has_help(capsys: Capture, command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: isthmus")
    for shown in HELP[command]:
        assert shown in printed, shown


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("", "isthmus: error: the following arguments are required: COMMAND"),
        ("fly", "isthmus: error: argument COMMAND: invalid choice: 'fly'"),
        ("run", "isthmus run: error: the following arguments are required: dataflow, --inputs"),
        ("run sales", "isthmus run: error: the following arguments are required: --inputs"),
        ("run sales --inputs", "isthmus run: error: argument --inputs: expected one argument"),
        (
            "run sales --inputs in --tax 1 --colour",
            "isthmus run: error: unknown argument '--colour'; ",
        ),
        (
            "run sales --inputs in --curency=USD",
            "isthmus run: error: unknown argument '--curency'; did you mean '--currency'?",
        ),
        (
            "describe sales --tax_rate 1",
            "isthmus describe: error: unknown argument '--tax_rate'; did you mean '--tax-rate'?",
        ),
        (
            "view sales --output sales.svg",
            "isthmus view: error: unknown argument '--output'; did you mean '--out'?",
        ),
        ("view sales more", "isthmus view: error: unknown argument 'more'; known: '--out'"),
        ("describe", "isthmus describe: error: the following arguments are required: dataflow"),
    ],
)
def test_a_wrong_command_is_reported_after_the_usage(
    capsys: Capture, command: str, problem: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command.split())
    assert caught.value.code == 2
    usage, *_, last = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: isthmus")
    assert last.startswith(problem)


def test_arguments_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "argv", ["isthmus", "describe", "nope"])
    assert main() == 2
    assert capsys.readouterr().err.startswith("isthmus: unknown dataflow 'nope'")


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "isthmus_transforms.cli", "describe", "nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("isthmus: unknown dataflow 'nope'; known: ")
