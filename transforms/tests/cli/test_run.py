from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, Metric, Metrics, Param, Table
from isthmus_transforms import loading
from isthmus_transforms.cli.main import main
from isthmus_transforms.runtime import Dataflow

Capture = pytest.CaptureFixture[str]
ErrorLine = Callable[..., str]


@pytest.mark.usefixtures("sales")
def test_run_writes_every_output_and_prints_the_paths(capsys: Capture) -> None:
    assert main(["run", "sales", "--inputs", "in"]) == 0
    assert Path("out/sales/report.txt").read_text() == "3 eur"
    assert pd.read_parquet("out/sales/totals.parquet").to_dict("list") == {"total": [3.0]}
    printed = capsys.readouterr()
    assert printed.err == ""
    quality = "out/sales/quality.json"
    for shown in (
        "sales.v1",
        "1 row ",
        "out/sales/totals.parquet",
        "5 bytes",
        "share 0.25",
        quality,
    ):
        assert shown in printed.out
    assert Path(quality).read_text() == '{\n  "share": 0.25\n}\n'


@pytest.mark.usefixtures("sales")
def test_a_metric_that_is_undefined_is_shown_as_null(
    capsys: Capture, sales: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals, report, metrics = sales.contract.outputs
    assert isinstance(metrics, Metrics)
    undefined = replace(metrics, metrics=(Metric("share", "Share.", nullable=True),))
    contract = replace(sales.contract, outputs=(totals, report, undefined))
    (module,) = sales.modules

    def quality(orders: pd.DataFrame) -> dict[str, float]:
        return {"share": orders["price"][:0].mean()}

    quality.__module__ = module.__name__
    monkeypatch.setattr(module, "quality", quality)
    flow = replace(sales, contract=contract)
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
    assert main(["run", "sales", "--inputs", "in"]) == 0
    assert "share null" in capsys.readouterr().out


def test_a_dataflow_gets_the_masked_types_that_it_asks_for(
    capsys: Capture,
    flow_of: Callable[..., Dataflow],
    catalog_of: Callable[[Dataflow], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = flow_of(
        """
        import pandas as pd

        def report(orders: pd.DataFrame) -> str:
            return f"{orders['id'].dtype} {orders['id'].sum()}"
        """,
        "report",
    )
    (orders,) = flow.contract.inputs
    ids = Table("orders", "Orders.", (Column("id", "int64", "Id.", nullable=True),))
    contract = replace(flow.contract, inputs=(replace(orders, table=ids),))
    flow = replace(flow, contract=contract, masked_types=True)
    catalog_of(flow)
    frame = pd.DataFrame({"id": pd.array([9007199254740993, None], dtype="Int64")})
    frame.to_parquet("in/orders.parquet")
    assert main(["run", "sales", "--inputs", "in"]) == 0
    assert Path("out/sales/report.txt").read_text() == "Int64 9007199254740993"
    capsys.readouterr()
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: replace(flow, masked_types=False))
    assert main(["run", "sales", "--inputs", "in"]) == 2
    assert "declare the dataflow with masked_types=True (see row 0)" in capsys.readouterr().err


def test_checks_are_counted_and_warnings_are_shown(
    capsys: Capture, sales: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "sales", "--inputs", "in"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "9 checks, 9 passed"
    totals, *others = sales.contract.outputs
    assert isinstance(totals, Table)
    low = replace(totals, columns=(replace(totals.columns[0], warn_minimum=50),))
    contract = replace(sales.contract, outputs=(low, *others))
    monkeypatch.setattr(loading, "load_dataflow", lambda _name: replace(sales, contract=contract))
    assert main(["run", "sales", "--inputs", "in"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        (
            "warning: totals: column 'total' has 1 value below 50 (the smallest is 3); "
            "the contract says usually at least 50 (see row 0)"
        ),
        "10 checks, 9 passed",
    ]


@pytest.mark.usefixtures("sales")
def test_an_input_that_breaks_the_contract_is_one_line(
    error_line: ErrorLine, orders: pd.DataFrame
) -> None:
    orders.assign(id=7).to_parquet("in/orders.parquet", index=False)
    line = error_line("run", "sales", "--inputs", "in")
    assert line == (
        "isthmus: input 'orders': 1 key (id) in 3 rows, such as (7); "
        "the contract says one row for each key"
    )


@pytest.mark.usefixtures("sales")
def test_params_are_options(capsys: Capture) -> None:
    flags = ["--tax-rate", "1.5", "--copies=2", "--currency", "USD", "--loud", "TRUE"]
    assert main(["run", *flags[:2], "--inputs=in", "--out", "there", *flags[2:], "sales"]) == 2
    capsys.readouterr()  # an option before the dataflow is not known yet
    assert main(["run", "--inputs=in", "--out", "there", "sales", *flags]) == 0
    assert Path("there/report.txt").read_text() == "11 USD!11 USD!"


@pytest.mark.usefixtures("sales")
def test_params_are_given_as_names_and_values_too() -> None:
    params = ["-p", "tax_rate=1.5", "--param", "copies=2", "-p", "currency=USD", "--loud", "true"]
    assert main(["run", *params[:2], "sales", "--inputs=in", "--out", "there", *params[2:]]) == 0
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
        (["-p", "loud=1"], "param 'loud' is '1'; allowed: boolean"),
        (["-p", "copies"], "param 'copies' is ''; allowed: integer"),
        (["-p", "laud=true"], "unknown param 'laud'; did you mean 'loud'?"),
        (
            ["--notes", "a"],
            "param 'notes' is 'a'; allowed: array, each value: string; written as JSON, such as []",
        ),
        (["--notes", "[1]"], "param 'notes[0]' is 1; allowed: string"),
        (["--rates", '{"USD": -1}'], "param 'rates.USD' is -1; allowed: number from 0"),
        (["--rates", "[1]"], "param 'rates' is [1]; allowed: object, each value: number from 0"),
    ],
)
def test_a_wrong_param_is_one_line(error_line: ErrorLine, arguments: list[str], line: str) -> None:
    assert error_line("run", "sales", "--inputs", "in", *arguments) == f"isthmus: {line}"
    assert not Path("out").exists()


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize("engine", ["sequential", "threads", "processes"])
def test_the_engine_is_an_option(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    workers = [] if engine == "sequential" else ["--workers", "2"]
    assert main(["run", "--engine", engine, *workers, "sales", "--inputs", "in"]) == 0
    assert Path("out/sales/report.txt").read_text() == "3 eur"


@pytest.mark.usefixtures("sales")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--engine", "thread"],
            "unknown engine 'thread'; did you mean 'threads'?",
        ),
        (["--workers", "2"], "unknown option 'workers' of engine 'sequential'; known: none"),
        (
            ["--engine", "threads", "--workers", "0"],
            "engine 'threads': option 'workers' is 0; allowed",
        ),
    ],
)
def test_a_wrong_engine_is_one_line(error_line: ErrorLine, arguments: list[str], line: str) -> None:
    printed = error_line("run", "sales", "--inputs", "in", *arguments)
    assert printed.startswith(f"isthmus: {line}")


def test_params_with_the_name_of_an_option_get_a_prefix(
    flow_of: Callable[..., Dataflow], catalog_of: Callable[[Dataflow], None]
) -> None:
    names = ("inputs", "help", "engine", "cut_at")
    params = tuple(Param(name, "integer", 0, "Number.") for name in names)
    source = (
        "def a(inputs: int, help: int, engine: int, cut_at: int) -> str:"
        " return f'{inputs}{help}{engine}{cut_at}'"
    )
    flow = flow_of(source, "a", params=params)
    catalog_of(flow)
    pd.DataFrame({"id": [1], "price": [1.5]}).to_parquet("in/orders.parquet", index=False)
    flags = ["--param-inputs", "1", "--param-help", "2", "--param-engine", "3", "--cut-at", "4"]
    assert main(["run", "sales", "--inputs", "in", *flags]) == 0
    assert Path("out/sales/a.txt").read_text() == "1234"


@pytest.mark.usefixtures("sales")
def test_missing_inputs_are_one_line(error_line: ErrorLine) -> None:
    line = error_line("run", "sales", "--inputs", "nowhere")
    assert line == "isthmus: input 'orders': there is no file nowhere/orders.parquet"
    assert not Path("out").exists()


@pytest.mark.usefixtures("sales")
def test_a_folder_that_cannot_be_written_to_is_one_line(error_line: ErrorLine) -> None:
    line = error_line("run", "sales", "--inputs", "in", "--out", "in/orders.parquet")
    assert line.startswith("isthmus: [Errno 17] File exists: 'in/orders.parquet'")


@pytest.mark.usefixtures("sales")
def test_an_output_that_breaks_the_contract_is_one_line(error_line: ErrorLine) -> None:
    line = error_line("run", "sales", "--inputs", "in", "--tax-rate", "0")
    assert line == (
        "isthmus: output 'totals' breaks its contract: "
        "column 'total' has 1 value below 0 (the smallest is -1); the contract says at least 0 "
        "(see row 0)"
    )


def _run_by_day(*interval: str) -> dict[str, int]:
    flags = [
        f"--interval-{name}={day}" for name, day in zip(("start", "end"), interval, strict=False)
    ]
    assert main(["run", "sales", "--inputs", "in", *flags]) == 0
    return {path.stem: pq.read_table(path).num_rows for path in Path("out/sales/days").iterdir()}


@pytest.mark.usefixtures("by_day")
def test_runs_for_single_months_in_any_order_equal_one_run_for_everything() -> None:
    assert _run_by_day("2013-02-01", "2013-04-01") == {"2013-03": 1}
    assert _run_by_day("2012-12-01", "2013-01-01") == {"2012-12": 2, "2013-03": 1}
    parts = _run_by_day("2013-01-01", "2013-02-01")
    assert parts == {"2012-12": 2, "2013-01": 3, "2013-03": 1}
    shutil.rmtree("out")
    assert _run_by_day() == parts


@pytest.mark.usefixtures("by_day")
def test_a_partition_without_rows_is_removed(
    dated_orders: pd.DataFrame, write_orders: Callable[[pd.DataFrame], None]
) -> None:
    _run_by_day()
    write_orders(dated_orders[dated_orders["day"].dt.month == 12])
    assert list(_run_by_day("2013-03-01", "2013-04-01")) == ["2012-12", "2013-01"]
    assert list(_run_by_day()) == ["2012-12"]


@pytest.mark.usefixtures("by_day")
@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--interval-start", "2013-01-01"], "interval_start is given and interval_end is not; g"),
        (
            ["--interval-start=soon", "--interval-end=2013-01-01"],
            "interval_start is 'soon'; expected a day as in 2013-01-31",
        ),
        (
            ["--interval-start=2013-01-15", "--interval-end=2013-02-01"],
            "the interval from 2013-01-15 to before 2013-02-01 cuts the month 2013-01, ",
        ),
    ],
)
def test_a_wrong_interval_is_one_line(error_line: ErrorLine, flags: list[str], line: str) -> None:
    printed = error_line("run", "sales", "--inputs", "in", *flags)
    assert printed.startswith(f"isthmus: {line}")
    assert not Path("out").exists()


@pytest.mark.usefixtures("by_day")
def test_help_says_how_a_table_is_partitioned(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["run", "sales", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    for shown in ("--interval-start DATE", "--interval-end DATE", "days by month of day"):
        assert shown in printed


@pytest.mark.usefixtures("sales")
def test_without_partitions_there_is_no_interval(capsys: Capture) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "sales", "--inputs", "in", "--interval-start", "2013-01-01"])
    assert "unknown argument '--interval-start'; known: '--inputs'" in capsys.readouterr().err


@pytest.mark.usefixtures("sales")
def test_a_long_path_is_not_truncated(capsys: Capture) -> None:
    folder = Path("a" * 100, "b" * 100)
    assert main(["run", "sales", "--inputs", "in", "--out", str(folder)]) == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if line[0] == "│"]
    assert str(folder / "totals.parquet") in "".join(row[3].strip() for row in rows)
