from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, Metric, Metrics, Param, Partitioning, Table
from isthmus_contracts.catalog import CATALOG, Catalog
from isthmus_contracts.dataflows import Dataset
from isthmus_transforms import cli, loading
from isthmus_transforms.runtime import Dataflow

TOTALS = Table("totals", "One row, in [EUR].", (Column("total", "float64", "Sum.", minimum=0),))
QUALITY = Metrics("quality", "Numbers :bug:.", (Metric("share", "Share of 100%."),))
PARAMS = (
    Param("tax_rate", "number", 0.5, "Rate of tax, in %.", minimum=0, maximum=100),
    Param("copies", "integer", 1, "How often."),
    Param("currency", "string", "EUR", "Which.", choices=("EUR", "USD")),
    Param("loud", "boolean", False, "Whether to shout."),
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
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def sales(
    flow_of: Callable[..., Dataflow], orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> Dataflow:
    """Put `sales` into the catalog, and its inputs into the folder `in`."""
    checkpoints = {"cut": "totals"}
    flow = flow_of(SALES, TOTALS, "report", QUALITY, params=PARAMS, checkpoints=checkpoints)
    shop = Dataset("shop", "The shop.", "operations", (flow.contract.inputs[0].table,))
    monkeypatch.setattr(cli, "CATALOG", Catalog((shop,), (flow.contract,)))
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
    Path("in").mkdir()
    orders.to_parquet("in/orders.parquet", index=False)
    return flow


Capture = pytest.CaptureFixture[str]


def _mistake(capsys: Capture, *arguments: str) -> str:
    """Return the one line that the mistake is answered with."""
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removesuffix("\n")


@pytest.mark.usefixtures("sales")
def test_run_writes_every_output_and_says_where(capsys: Capture) -> None:
    assert cli.main(["run", "sales", "--inputs", "in"]) == 0
    assert Path("out/sales/report.txt").read_text() == "3 eur"
    assert pd.read_parquet("out/sales/totals.parquet").to_dict("list") == {"total": [3.0]}
    said = capsys.readouterr()
    assert said.err == ""
    for shown in ("sales.v1", "1 rows", "out/sales/totals.parquet", "5 bytes", "share 0.25"):
        assert shown in said.out


def test_checks_are_counted_and_what_warns_is_shown(
    capsys: Capture, sales: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["run", "sales", "--inputs", "in"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "7 checks, 7 passed"
    low = replace(TOTALS, columns=(replace(TOTALS.columns[0], warn_minimum=50),))
    contract = replace(sales.contract, outputs=(low, *sales.contract.outputs[1:]))
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: replace(sales, contract=contract))
    assert cli.main(["run", "sales", "--inputs", "in"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        (
            "warning: table 'totals': column 'total' has 1 value below 50 (the smallest is 3); "
            "the contract says usually at least 50 (see row 0)"
        ),
        "8 checks, 7 passed",
    ]


@pytest.mark.usefixtures("sales")
def test_an_input_that_breaks_the_contract_is_one_line(
    capsys: Capture, orders: pd.DataFrame
) -> None:
    orders.assign(id=7).to_parquet("in/orders.parquet", index=False)
    line = _mistake(capsys, "run", "sales", "--inputs", "in")
    assert line == (
        "isthmus: input 'orders': 1 key (id) in 3 rows, such as (7); "
        "the contract says one row for each key"
    )


@pytest.mark.usefixtures("sales")
def test_params_are_flags(capsys: Capture) -> None:
    flags = ["--tax-rate", "1.5", "--copies=2", "--currency", "USD", "--loud", "TRUE"]
    assert cli.main(["run", *flags[:2], "--inputs=in", "--out", "there", *flags[2:], "sales"]) == 2
    capsys.readouterr()  # a flag of its own before the dataflow cannot be known
    assert cli.main(["run", "--inputs=in", "--out", "there", "sales", *flags]) == 0
    assert Path("there/report.txt").read_text() == "11 USD!11 USD!"


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--tax-rate", "101"], "param 'tax_rate' is 101.0; allowed: number from 0 to 100"),
        (["--tax-rate", "high"], "param 'tax_rate' is 'high'; allowed: number from 0 to 100"),
        (["--tax-rate", "nan"], "param 'tax_rate' is nan; allowed: number from 0 to 100"),
        (["--copies", "1.5"], "param 'copies' is '1.5'; allowed: integer"),
        (["--currency", "GBP"], "param 'currency' is 'GBP'; allowed: one of 'EUR', 'USD'"),
        (["--loud", "1"], "param 'loud' is '1'; allowed: boolean"),
    ],
)
def test_a_wrong_param_is_one_line(capsys: Capture, arguments: list[str], line: str) -> None:
    assert _mistake(capsys, "run", "sales", "--inputs", "in", *arguments) == f"isthmus: {line}"
    assert not Path("out").exists()


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("engine", ["sequential", "threads", "processes"])
def test_the_engine_may_be_chosen(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    workers = [] if engine == "sequential" else ["--workers", "2"]
    assert cli.main(["run", "--engine", engine, *workers, "sales", "--inputs", "in"]) == 0
    assert Path("out/sales/report.txt").read_text() == "3 eur"


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--engine", "thread"],
            "engine 'thread': there is none of that name; known: 'sequential'",
        ),
        (["--workers", "2"], "engine 'sequential': it has no option 'workers'; known: none"),
        (
            ["--engine", "threads", "--workers", "0"],
            "engine 'threads': option 'workers' is 0; allowed: integer from 1 to 256",
        ),
    ],
)
def test_a_wrong_engine_is_one_line(capsys: Capture, arguments: list[str], line: str) -> None:
    said = _mistake(capsys, "run", "sales", "--inputs", "in", *arguments)
    assert said.startswith(f"isthmus: {line}")


def test_params_may_be_called_as_the_options_are(
    flow_of: Callable[..., Dataflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("inputs", "help", "engine", "cut_at")
    params = tuple(Param(name, "integer", 0, "Number.") for name in names)
    source = (
        "def a(inputs: int, help: int, engine: int, cut_at: int) -> str:"
        " return f'{inputs}{help}{engine}{cut_at}'"
    )
    flow = flow_of(source, "a", params=params)
    shop = Dataset("shop", "The shop.", "operations", (flow.contract.inputs[0].table,))
    monkeypatch.setattr(cli, "CATALOG", Catalog((shop,), (flow.contract,)))
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
    Path("in").mkdir()
    pd.DataFrame({"id": [1], "price": [1.5]}).to_parquet("in/orders.parquet", index=False)
    flags = ["--param-inputs", "1", "--param-help", "2", "--param-engine", "3", "--cut-at", "4"]
    assert cli.main(["run", "sales", "--inputs", "in", *flags]) == 0
    assert Path("out/sales/a.txt").read_text() == "1234"


@pytest.mark.parametrize(
    "command", [["run", "nope", "--inputs", "."], ["describe", "nope"], ["view", "nope"]]
)
def test_an_unknown_dataflow_is_one_line(capsys: Capture, command: list[str]) -> None:
    line = _mistake(capsys, *command)
    assert (
        line
        == "isthmus: no dataflow 'nope'; known: 'flight_delays', 'airport_days', 'carrier_days'"
    )


@pytest.mark.usefixtures("sales")
def test_missing_inputs_are_one_line(capsys: Capture) -> None:
    line = _mistake(capsys, "run", "sales", "--inputs", "nowhere")
    assert line == "isthmus: input 'orders': there is no file nowhere/orders.parquet"
    assert not Path("out").exists()


@pytest.mark.usefixtures("sales")
def test_a_place_that_cannot_be_written_to_is_one_line(capsys: Capture) -> None:
    line = _mistake(capsys, "run", "sales", "--inputs", "in", "--out", "in/orders.parquet")
    assert line.startswith("isthmus: [Errno 17] File exists: 'in/orders.parquet'")


@pytest.mark.usefixtures("sales")
def test_an_output_that_breaks_the_contract_is_one_line(capsys: Capture) -> None:
    line = _mistake(capsys, "run", "sales", "--inputs", "in", "--tax-rate", "0")
    assert line == (
        "isthmus: output 'totals' does not keep its contract: "
        "column 'total' has 1 value below 0 (the smallest is -1); the contract says at least 0 "
        "(see row 0)"
    )


@pytest.mark.usefixtures("sales")
def test_a_function_that_raises_shows_the_authors_traceback(capsys: Capture) -> None:
    assert cli.main(["run", "sales", "--inputs", "in", "--tax-rate", "13"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == (
        "isthmus: node 'totals' failed in totals (sample/functions.py:7): "
        "ValueError: an unlucky rate (given orders: DataFrame of 3 x 2, tax_rate: float)"
    )
    assert sum(line.startswith("  File ") for line in lines) == 1
    assert "isthmus_transforms" not in said.err


@pytest.mark.usefixtures("sales")
def test_describe_shows_contract_and_functions_as_they_are_written(capsys: Capture) -> None:
    assert cli.main(["describe", "sales"]) == 0
    said = capsys.readouterr().out
    for shown in (
        "sales.v1 1.2.0, owner analytics",
        "Sums orders up.",
        "One row per order.",
        "number from 0 to 100",
        "table, 1 columns",
        "file, .txt",
        "1 metrics",
        "One row, in [EUR].",
        "Numbers :bug:.",
        "functions.py:4",
        "Sum with tax [/] in [bold]EUR[/bold].",
    ):
        assert shown in said, shown


@pytest.mark.parametrize("contract", CATALOG.dataflows, ids=lambda each: each.name)
def test_describe_and_view_know_every_dataflow(contract: cli.Dataflow, capsys: Capture) -> None:
    assert cli.main(["describe", contract.name]) == 0
    said = capsys.readouterr().out
    assert all(table_input.name in said for table_input in (*contract.inputs, *contract.outputs))
    assert cli.main(["view", contract.name]) == 0
    assert capsys.readouterr().out == f"wrote {contract.name}.svg\n"
    root = ET.parse(f"{contract.name}.svg").getroot()  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {table_input.name for table_input in (*contract.inputs, *contract.outputs)}


@pytest.mark.usefixtures("sales")
def test_view_writes_a_page_around_the_same_picture() -> None:
    assert cli.main(["view", "sales", "-o", "sales.html"]) == 0
    assert cli.main(["view", "sales", "--out", "sales.svg"]) == 0
    picture = Path("sales.svg").read_text(encoding="utf-8")
    page = Path("sales.html").read_text(encoding="utf-8")
    assert page == f"<!doctype html><title>sales.v1</title>{picture}"
    assert "[bold]EUR" in picture


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("out", "line"),
    [
        ("sales.png", "isthmus: no kind of picture '.png'; known: '.svg', '.html'"),
        ("sales", "isthmus: no kind of picture ''; known: '.svg', '.html'"),
        ("no/where.svg", "isthmus: [Errno 2] No such file or directory: 'no/where.svg'"),
    ],
)
def test_a_picture_that_cannot_be_written_is_one_line(capsys: Capture, out: str, line: str) -> None:
    assert _mistake(capsys, "view", "sales", "--out", out) == line


DAY = Column("day", "date", "Day.")
DAYS = Table("days", "Days.", (DAY,), partitioning=Partitioning("day", "month"))
BY_DAY = """
    import pandas as pd

    def days(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[["day"]]
"""


@pytest.fixture
def by_day(
    flow_of: Callable[..., Dataflow], dated_orders: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put a dataflow with a partitioned output into the catalog, and its inputs into `in`."""
    flow = flow_of(BY_DAY, DAYS, filter_column="day")
    shop = Dataset("shop", "The shop.", "operations", (flow.contract.inputs[0].table,))
    monkeypatch.setattr(cli, "CATALOG", Catalog((shop,), (flow.contract,)))
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
    Path("in").mkdir()
    _write_orders(dated_orders)


def _write_orders(orders: pd.DataFrame) -> None:
    days = pa.array(orders["day"].dt.date, pa.date32())
    rows = pa.table({"id": orders["id"].array, "price": orders["price"].array, "day": days})
    pq.write_table(rows, "in/orders.parquet")


def _run_by_day(*interval: str) -> dict[str, int]:
    flags = [
        f"--interval-{name}={day}" for name, day in zip(("start", "end"), interval, strict=False)
    ]
    assert cli.main(["run", "sales", "--inputs", "in", *flags]) == 0
    return {path.stem: pq.read_table(path).num_rows for path in Path("out/sales/days").iterdir()}


@pytest.mark.usefixtures("by_day")
def test_runs_for_its_months_in_any_order_make_what_one_run_for_everything_does() -> None:
    assert _run_by_day("2013-02-01", "2013-04-01") == {"2013-03": 1}
    assert _run_by_day("2012-12-01", "2013-01-01") == {"2012-12": 2, "2013-03": 1}
    parts = _run_by_day("2013-01-01", "2013-02-01")
    assert parts == {"2012-12": 2, "2013-01": 3, "2013-03": 1}
    shutil.rmtree("out")
    assert _run_by_day() == parts


@pytest.mark.usefixtures("by_day")
def test_a_partition_that_has_no_rows_any_more_goes(dated_orders: pd.DataFrame) -> None:
    _run_by_day()
    _write_orders(dated_orders[dated_orders["day"].dt.month == 12])
    assert list(_run_by_day("2013-03-01", "2013-04-01")) == ["2012-12", "2013-01"]
    assert list(_run_by_day()) == ["2012-12"]


@pytest.mark.usefixtures("by_day")
@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--interval-start", "2013-01-01"], "interval_start is given and interval_end is not; g"),
        (
            ["--interval-start=soon", "--interval-end=2013-01-01"],
            "interval_start is 'soon'; right would be a day as in 2013-01-31",
        ),
        (
            ["--interval-start=2013-01-15", "--interval-end=2013-02-01"],
            "the interval from 2013-01-15 to before 2013-02-01 cuts the month 2013-01, ",
        ),
    ],
)
def test_a_wrong_interval_is_one_line(capsys: Capture, flags: list[str], line: str) -> None:
    said = _mistake(capsys, "run", "sales", "--inputs", "in", *flags)
    assert said.startswith(f"isthmus: {line}")
    assert not Path("out").exists()


@pytest.mark.usefixtures("by_day")
def test_help_and_describe_say_how_a_table_is_partitioned(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["run", "sales", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for shown in ("--interval-start DATE", "--interval-end DATE", "days by month of day"):
        assert shown in said
    assert cli.main(["describe", "sales"]) == 0
    said = capsys.readouterr().out
    for shown in ("table, 1 columns, by month of day", "shop, within day"):
        assert shown in said


@pytest.mark.usefixtures("sales")
def test_without_partitions_there_is_no_interval(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "sales", "--inputs", "in", "--interval-start", "2013-01-01"])
    assert "unrecognized arguments: --interval-start" in capsys.readouterr().err


HELP: Mapping[str, list[str]] = {
    "--help": ["run", "describe", "view", "isthmus run DATAFLOW --help"],
    "run --help": ["--inputs", "--out", "DATAFLOW", "export-inputs"],
    "run sales --help": ["--tax-rate NUMBER", "Rate of tax, in %.", "number from 0 to 100;", "0.5"],
    "describe --help": ["one of sales"],
    "view --help": [".svg or .html"],
}


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("command", HELP)
def test_each_command_has_help(capsys: Capture, command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(command.split())
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: isthmus")
    for shown in HELP[command]:
        assert shown in said, shown


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
            "isthmus run: error: unrecognized arguments: --c",
        ),
        ("describe", "isthmus describe: error: the following arguments are required: dataflow"),
    ],
)
def test_what_is_no_command_is_said_after_the_usage(
    capsys: Capture, command: str, problem: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(command.split())
    assert caught.value.code == 2
    usage, *_, last = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: isthmus")
    assert last.startswith(problem)


def test_arguments_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "argv", ["isthmus", "describe", "nope"])
    assert cli.main() == 2
    assert capsys.readouterr().err.startswith("isthmus: no dataflow 'nope'")


@pytest.mark.usefixtures("sales")
def test_a_long_place_is_shown_whole(capsys: Capture) -> None:
    folder = Path("a" * 100, "b" * 100)
    assert cli.main(["run", "sales", "--inputs", "in", "--out", str(folder)]) == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if line[0] == "│"]
    assert str(folder / "totals.parquet") in "".join(row[3].strip() for row in rows)
