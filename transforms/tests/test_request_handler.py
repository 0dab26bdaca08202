from __future__ import annotations

import platform
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from isthmus_contracts import (
    Column,
    Interval,
    Metric,
    Metrics,
    Param,
    ParamValue,
    Partitioning,
    Table,
)
from isthmus_contracts.protocol import (
    ACCEPTED,
    Answer,
    Capabilities,
    CapabilitiesRequest,
    CheckFinished,
    CheckpointQuota,
    CheckpointReused,
    CheckpointWritten,
    EngineProfile,
    Graph,
    NodeStarted,
    OutputStaged,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_contracts.testing.sample_catalog import CATALOG
from isthmus_transforms import request_handler
from isthmus_transforms.errors import ImportFailedError
from isthmus_transforms.request_handler import serve
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime import dataflow as dataflow_module
from isthmus_transforms.runtime.code_location import code_version, revision
from isthmus_transforms.runtime.engines import registry
from isthmus_transforms.runtime.frames.inputs import read_input

Server = Callable[..., tuple[int, list[Answer]]]

TOTALS = Table("totals", "One row.", (Column("total", "float64", "Sum.", minimum=0),), min_rows=1)
QUALITY = Metrics("quality", "Numbers.", (Metric("rows", "Rows.", minimum=1),))
FACTOR = Param("factor", "number", 1, "Factor.")
SALES = """
    import pandas as pd

    def totals(orders: pd.DataFrame, factor: float) -> pd.DataFrame:
        return pd.DataFrame({"total": [factor * orders["price"].sum()]})

    def report(totals: pd.DataFrame) -> str:
        return _text(totals)

    def _text(totals: pd.DataFrame) -> str:
        if totals["total"][0] > 100:
            raise OverflowError("too \\N{SNOWMAN} much")
        return f"{totals['total'][0]:g} EUR"

    def quality(orders: pd.DataFrame) -> dict[str, float]:
        return {"rows": len(orders)}

    def greeting() -> str:
        return "hello"
"""


@pytest.fixture
def sales(flow_of: Callable[..., Dataflow]) -> Dataflow:
    outputs = (TOTALS, "report", QUALITY, "greeting")
    return flow_of(SALES, *outputs, params=(FACTOR,), checkpoints={"cut": "totals"})


@pytest.fixture
def request_(sales: Dataflow, tmp_path: Path, orders: pd.DataFrame) -> RunRequest:
    orders.to_parquet(tmp_path / "orders.parquet", index=False)
    staging = tmp_path / "staging"
    staging.mkdir()
    return RunRequest(
        identity=RunIdentity("manual__1", "transform", 2),
        dataflow="sales.v1",
        contract_version=sales.contract.version,
        targets=("totals", "report", "quality"),
        params={"factor": 2},
        inputs={"orders": (str(tmp_path / "orders.parquet"),)},
        staging=str(staging),
        engine=EngineProfile("sequential", {}),
    )


@pytest.fixture
def answered(sales: Dataflow, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a function that serves a request to `sales`, and returns status and answers."""
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: sales)

    def make(request: RunRequest | str) -> tuple[int, list[Answer]]:
        answers: list[Answer] = []
        line = request if isinstance(request, str) else encode(request)
        return serve(line, answers.append), answers

    return make


def _failure(answered: tuple[int, list[Answer]], status: int) -> RunFailure:
    found, answers = answered
    assert found == status
    assert isinstance(answers[-1], RunFailure)
    assert encode(answers[-1]).isascii()
    return answers[-1]


def test_an_error_of_preloading_is_reported_as_it_was_raised(
    request_: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter((ImportError("no model file"), RuntimeError("already registered")))

    def load(_name: str) -> Dataflow:
        raise next(failures)

    monkeypatch.setattr(request_handler, "load_dataflow", load)
    failed = request_handler.preload(request_.dataflow)
    answers: list[Answer] = []
    assert serve(encode(request_), answers.append, failed=failed) == 3
    (failure,) = answers
    assert isinstance(failure, RunFailure)
    assert failure.message == "ImportError: no model file"


def test_functions_get_the_masked_types_that_their_dataflow_asks_for(
    flow_of: Callable[..., Dataflow],
    request_: RunRequest,
    tmp_path: Path,
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
    ids = Table("orders", "Orders.", (Column("id", "int64", "Id.", nullable=True),))
    (orders,) = flow.contract.inputs
    contract = replace(flow.contract, inputs=(replace(orders, table=ids),))
    request = replace(request_, targets=("report",), params={})
    pq.write_table(pa.table({"id": [2**53 + 1, None]}), tmp_path / "orders.parquet")
    for masked_types, status in ((False, 2), (True, 0)):
        asking = replace(flow, contract=contract, masked_types=masked_types)
        monkeypatch.setattr(request_handler, "load_dataflow", lambda _name, found=asking: found)
        assert serve(encode(request), lambda _answer: None) == status
    report = Path(request.staging, "report.txt").read_text(encoding="utf-8")
    assert report == "Int64 9007199254740993"


def test_the_version_is_that_of_the_preloaded_code(
    sales: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    code_version.cache_clear()
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: sales)
    assert not request_handler.preload("sales.v1")
    assert code_version.cache_info().currsize == 1


def test_a_request_is_answered_by_events_and_a_result(
    answered: Server, request_: RunRequest
) -> None:
    status, (graph, *events, result) = answered(request_)
    assert status == 0
    assert isinstance(graph, Graph)
    assert [node.name for node in graph.nodes if node.target] == ["totals", "report", "quality"]
    kinds = [type(event).__name__ for event in events if not isinstance(event, CheckFinished)]
    assert kinds == ["NodeStarted", "NodeFinished"] * 3 + ["OutputStaged"] * 3
    assert isinstance(result, RunResult)
    assert result.identity == request_.identity
    assert (result.dataflow, result.contract_version) == ("sales.v1", "1.2.0")
    assert result.code_version == code_version()
    assert result.revision == revision()
    assert [output.name for output in result.outputs] == list(request_.targets)
    staging = Path(request_.staging)
    assert (staging / "report.txt").read_text() == "16 EUR"
    with ipc.open_stream((staging / "totals.arrows").read_bytes()) as stream:
        assert stream.read_all().to_pydict() == {"total": [16.0]}
    assert sorted(path.name for path in staging.iterdir()) == ["report.txt", "totals.arrows"]


def test_checks_of_inputs_come_before_functions_and_of_outputs_before_staging(
    answered: Server, request_: RunRequest
) -> None:
    _, answers = answered(request_)
    events = [
        answer
        for answer in answers
        if isinstance(answer, CheckFinished | NodeStarted | OutputStaged)
    ]
    names = [
        f"{event.subject} {event.result.check}" if isinstance(event, CheckFinished) else ""
        for event in events
    ]
    assert names == [
        *("orders schema", "orders id.nullable", "orders price.finite", "orders key"),
        *("", "", ""),
        *("totals schema", "totals total.nullable", "totals total.finite"),
        *("totals total.minimum", "totals min_rows", ""),
        *("", "quality rows", ""),
    ]
    assert all(event.result.passed for event in events if isinstance(event, CheckFinished))


def test_an_input_that_breaks_the_contract_is_reported_after_the_graph_and_refused(
    answered: Server, request_: RunRequest, tmp_path: Path
) -> None:
    pd.DataFrame({"id": [7, 8, 7], "price": 1.0}).to_parquet(tmp_path / "orders.parquet")
    served = answered(request_)
    failure = _failure(served, 2)
    assert failure.kind == "request"
    assert failure.message == (
        "input 'orders': 1 key (id) in 2 rows, such as (7); the contract says one row for each key"
    )
    graph, *check_results, _ = served[1]
    assert isinstance(graph, Graph)
    assert [
        check_result.result.passed
        for check_result in check_results
        if isinstance(check_result, CheckFinished)
    ] == [True, True, True, False]
    assert len(check_results) == 4


def test_each_staged_output_is_reported_with_its_size(
    answered: Server, request_: RunRequest
) -> None:
    _, answers = answered(request_)
    staged = {answer.output: answer for answer in answers if isinstance(answer, OutputStaged)}
    size = (Path(request_.staging) / "totals.arrows").stat().st_size
    assert (staged["totals"].bytes, staged["totals"].rows) == (size, 1)
    assert (staged["report"].bytes, staged["report"].rows) == (6, None)
    assert (staged["quality"].bytes, staged["quality"].rows) == (0, None)


def test_a_request_reuses_what_an_earlier_one_saved(
    answered: Server, request_: RunRequest, tmp_path: Path
) -> None:
    request = replace(request_, checkpoints=str(tmp_path / "saved"))
    _, first = answered(request)
    assert [event.node for event in first if isinstance(event, CheckpointWritten)] == ["totals"]
    status, second = answered(request)
    assert status == 0
    assert isinstance(second[0], Graph)
    assert [event.node for event in second if isinstance(event, CheckpointReused)] == ["totals"]
    started = [event.node for event in second if isinstance(event, NodeStarted)]
    assert started == ["report", "quality"]
    assert isinstance(first[-1], RunResult)
    assert isinstance(second[-1], RunResult)
    assert first[-1].outputs == second[-1].outputs


def test_inputs_that_no_target_needs_may_be_missing_and_are_not_read(
    answered: Server, request_: RunRequest
) -> None:
    for inputs in ({}, {"orders": ("nowhere.parquet",)}):
        status, _ = answered(replace(request_, targets=("greeting",), inputs=inputs))
        assert status == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ("nope",)}, "unknown output 'nope' of dataflow 'sales'; known: 'totals'"),
        ({"targets": ("cut",)}, "unknown output 'cut' of dataflow 'sales'; known: 'totals'"),
        ({"params": {"colour": 1}}, "unknown param 'colour'; known: 'factor'"),
        ({"params": {"factor": "two"}}, "param 'factor' is 'two'; allowed: number"),
        ({"inputs": {}}, "input 'orders': it is not given, and 'totals' needs it"),
        ({"inputs": {"orders": ()}}, "input 'orders': no file is given"),
        ({"inputs": {"orders": ("a/b.parquet",)}}, "input 'orders': there is no file a/b.parquet"),
        ({"inputs": {"clients": ()}}, "unknown input 'clients'; known: 'orders'"),
        (
            {"contract_version": "1.3.0"},
            (
                "the request asks for version '1.3.0' of the contract of 'sales.v1'; "
                "this side has version '1.2.0'; "
                "install the same contracts on both sides"
            ),
        ),
        (
            {"engine": EngineProfile("spark", {})},
            "unknown engine 'spark'; known: 'sequential'",
        ),
    ],
)
def test_a_wrong_request_is_refused_before_anything_runs(
    answered: Server, request_: RunRequest, change: dict[str, object], message: str
) -> None:
    served = answered(replace(request_, **change))  # type: ignore[arg-type]
    failure = _failure(served, 2)
    assert len(served[1]) == 1
    assert failure.kind == "request"
    assert failure.message.startswith(message)
    assert (failure.node, failure.traceback) == (None, None)


def _asked(monkeypatch: pytest.MonkeyPatch, *found: Dataflow | Exception) -> Capabilities:
    """Return the capabilities of a runner with these dataflows, as many as the catalog has."""
    monkeypatch.setattr(request_handler, "CATALOG", CATALOG)
    loadable = dict(
        zip([str(dataflow.identity) for dataflow in CATALOG.dataflows], found, strict=True)
    )

    def load(name: str) -> Dataflow:
        result = loadable[name]
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(request_handler, "load_dataflow", load)
    answers: list[Answer] = []
    assert serve(encode(CapabilitiesRequest()), answers.append) == 0
    (answer,) = answers
    assert isinstance(answer, Capabilities)
    return answer


def test_capabilities_name_what_can_be_asked_for(
    sales: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = _asked(monkeypatch, sales, ImportError("no module named 'x'"), sales)
    first, second, third = [str(dataflow.identity) for dataflow in CATALOG.dataflows]
    assert able.dataflows == {first: "1.2.0", third: "1.2.0"}
    assert able.broken_dataflows == {second: "ImportError: no module named 'x'"}
    assert able.protocol_versions == ACCEPTED
    assert able.code_version == code_version()
    assert able.libraries["pandas"] == pd.__version__
    assert able.libraries["pyarrow"] == pa.__version__
    assert able.libraries["python"] == platform.python_version()
    assert able.libraries["apache-hamilton"]


def test_capabilities_name_the_engines_that_can_be_opened_with_their_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    able = _asked(monkeypatch, *[LookupError()] * len(CATALOG.dataflows))
    assert list(able.engines) == ["sequential", "threads", "processes"]
    assert able.engines["sequential"] == ()
    (workers,) = able.engines["threads"]
    assert (workers.name, workers.allowed) == ("workers", "integer from 1 to 256")
    assert workers.check(workers.default) == workers.default
    monkeypatch.setattr(registry, "find_spec", lambda _name: None)
    able = _asked(monkeypatch, *[LookupError()] * len(CATALOG.dataflows))
    assert list(able.engines) == ["sequential", "threads"]


DAY = Column("day", "date", "Day.")
DAYS = Table("days", "Days.", (DAY,), partitioning=Partitioning("day", "month"))
BY_DAY = """
    import pandas as pd

    def days(orders: pd.DataFrame) -> pd.DataFrame:
        return orders[["day"]]

    def report(orders: pd.DataFrame) -> str:
        return str(len(orders))
"""


@pytest.fixture
def by_day(
    flow_of: Callable[..., Dataflow],
    request_: RunRequest,
    dated_orders: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> RunRequest:
    """Return a request for everything to a dataflow with a partitioned output."""
    flow = flow_of(BY_DAY, DAYS, "report", filter_column="day")
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: flow)
    rows = pa.Table.from_pandas(dated_orders, preserve_index=False)
    days = rows["day"].cast(pa.date32())
    pq.write_table(rows.set_column(2, "day", days), tmp_path / "orders.parquet")
    return replace(request_, targets=("days", "report"), params={})


def _served(request: RunRequest) -> tuple[list[Answer], RunResult]:
    answers: list[Answer] = []
    assert serve(encode(request), answers.append) == 0
    result = answers[-1]
    assert isinstance(result, RunResult)
    return answers, result


@pytest.mark.parametrize(
    ("interval", "parts", "read"),
    [
        (None, ["2012-12", "2013-01", "2013-03"], "6"),
        (Interval(date(2013, 1, 1), date(2013, 3, 1)), ["2013-01"], "3"),
        (Interval(date(2013, 2, 1), date(2013, 3, 1)), [], "0"),
    ],
)
def test_a_request_for_an_interval_stages_its_partitions(
    by_day: RunRequest, interval: Interval | None, parts: list[str], read: str
) -> None:
    answers, result = _served(replace(by_day, interval=interval))
    days, report = result.outputs
    assert [file.partition for file in days.files] == parts
    assert [file.partition for file in report.files] == [None]
    assert Path(by_day.staging, "report.txt").read_text() == read
    staged = {answer.output: answer.rows for answer in answers if isinstance(answer, OutputStaged)}
    assert staged == {"days": int(read), "report": None}


def test_rows_outside_the_interval_are_not_read(
    by_day: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def spy(*arguments: Any, **options: Any) -> pd.DataFrame:
        frame = read_input(*arguments, **options)
        read.append(len(frame))
        return frame

    monkeypatch.setattr(dataflow_module, "read_input", spy)
    _served(replace(by_day, interval=Interval(date(2013, 1, 1), date(2013, 2, 1))))
    assert read == [3]


LISTED = (
    Param("picked", "array", [1], "Which.", of="integer", minimum=1),
    Param("words", "object", {}, "How to say it.", of="string"),
)
TAKES_LISTED = """
    def picture(picked: list[int], words: dict[str, str]) -> str:
        return f"{picked} {words}"
"""


def test_functions_get_the_arrays_and_objects_of_a_request(
    answered: Server,
    request_: RunRequest,
    flow_of: Callable[..., Dataflow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow = flow_of(TAKES_LISTED, "picture", params=LISTED)
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: flow)
    params: dict[str, ParamValue] = {"picked": [3, 1], "words": {"a b": "\N{SNOWMAN}"}}
    request = replace(request_, targets=("picture",), params=params, inputs={})
    _served(request)
    text = Path(request.staging, "picture.txt").read_text(encoding="utf-8")
    assert text == "[3, 1] {'a b': '\N{SNOWMAN}'}"
    failure = _failure(answered(replace(request, params={"picked": [1, 0]})), 2)
    assert failure.message == "param 'picked[1]' is 0; allowed: integer from 1"


def test_a_request_for_an_interval_that_does_not_fit_is_refused_before_anything_runs(
    by_day: RunRequest,
) -> None:
    answers: list[Answer] = []
    cut = replace(by_day, interval=Interval(date(2013, 1, 2), date(2013, 2, 1)), inputs={})
    assert serve(encode(cut), answers.append) == 2
    (failure,) = answers
    assert isinstance(failure, RunFailure)
    assert failure.kind == "request"
    assert "cuts the month 2013-01" in failure.message


def test_an_interval_for_a_dataflow_without_partitions_is_refused(
    answered: Server, request_: RunRequest
) -> None:
    interval = Interval(date(2013, 1, 1), date(2013, 2, 1))
    failure = _failure(answered(replace(request_, interval=interval)), 2)
    assert failure.kind == "request"
    assert failure.message.startswith("dataflow 'sales' has no partitioned output")


@pytest.mark.parametrize("line", ["", "hello\n", '{"protocol": 9}'])
def test_a_line_that_is_not_a_request_is_refused(answered: Server, line: str) -> None:
    failure = _failure(answered(line), 2)
    assert failure.kind == "request"
    assert failure.message.startswith("message")


def test_a_function_that_raises_is_reported_with_the_authors_frames_only(
    answered: Server, request_: RunRequest
) -> None:
    failure = _failure(answered(replace(request_, params={"factor": 100})), 1)
    assert failure.kind == "dataflow"
    assert (
        failure.message == "OverflowError: too \N{SNOWMAN} much (given totals: DataFrame of 1 x 1)"
    )
    assert (failure.node, failure.function) == ("report", "report")
    assert failure.file == "sample/functions.py"
    text = failure.traceback or ""
    files = re.findall(r'File "(.*)", line (\d+), in (\w+)', text)
    assert [(Path(file).name, function) for file, _, function in files] == [
        ("functions.py", "report"),
        ("functions.py", "_text"),
    ]
    assert int(files[-1][1]) == failure.line
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("OverflowError: too \N{SNOWMAN} much\n")


def test_what_an_author_chained_is_reported_too(
    flow_of: Callable[..., Dataflow], monkeypatch: pytest.MonkeyPatch, request_: RunRequest
) -> None:
    source = """
        def greeting() -> str:
            try:
                return {}["name"]
            except KeyError as error:
                raise LookupError("nobody to greet") from error
    """
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: flow_of(source, "greeting"))
    answers: list[Answer] = []
    line = encode(replace(request_, targets=("greeting",), inputs={}, params={}))
    text = _failure((serve(line, answers.append), answers), 1).traceback or ""
    assert "KeyError: 'name'" in text
    assert text.endswith("LookupError: nobody to greet\n")
    assert "isthmus_transforms" not in text


def test_an_output_that_breaks_the_contract_is_an_error_of_the_dataflow(
    answered: Server, request_: RunRequest
) -> None:
    failure = _failure(answered(replace(request_, params={"factor": -1})), 1)
    assert failure == RunFailure(
        "dataflow",
        "output 'totals' breaks its contract: "
        "column 'total' has 1 value below 0 (the smallest is -8); the contract says at least 0 "
        "(see row 0)",
    )
    assert not list(Path(request_.staging).iterdir())


def test_functions_that_do_not_make_a_graph_are_an_error_of_the_dataflow(
    flow_of: Callable[..., Dataflow], monkeypatch: pytest.MonkeyPatch, request_: RunRequest
) -> None:
    flow = flow_of("def report(nobody: int) -> str: return ''", "report")
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: flow)
    answers: list[Answer] = []
    line = encode(replace(request_, targets=("report",), inputs={}, params={}))
    failure = _failure((serve(line, answers.append), answers), 1)
    assert failure.kind == "dataflow"
    assert failure.message == (
        "function 'report' (sample/functions.py:1) takes 'nobody', which is not a function, input "
        "or param"
    )


def test_a_dataflow_that_cannot_be_imported_is_an_error_of_the_dataflow(
    monkeypatch: pytest.MonkeyPatch, request_: RunRequest
) -> None:
    def load(_name: str) -> Dataflow:
        raise ImportFailedError("sales", "sales/days.py", 3, "NameError: x", "Traceback ...")

    monkeypatch.setattr(request_handler, "load_dataflow", load)
    answers: list[Answer] = []
    failure = _failure((serve(encode(request_), answers.append), answers), 1)
    assert failure == RunFailure(
        "dataflow",
        "sales cannot be imported (sales/days.py:3): NameError: x",
        file="sales/days.py",
        line=3,
        traceback="Traceback ...",
    )


def test_an_error_of_the_runner_is_reported_with_its_whole_traceback(
    answered: Server, request_: RunRequest
) -> None:
    Path(request_.staging).rmdir()
    failure = _failure(answered(request_), 3)
    assert failure.kind == "runner"
    assert failure.message.startswith("FileNotFoundError: ")
    assert "request_handler.py" in (failure.traceback or "")


@pytest.fixture
def stage_request(request_: RunRequest, tmp_path: Path) -> RunRequest:
    return replace(request_, stop_at="cut", checkpoints=str(tmp_path / "saved"))


def test_a_stage_copies_the_results_that_later_stages_need(
    answered: Server, stage_request: RunRequest, tmp_path: Path
) -> None:
    status, answers = answered(stage_request)
    result = answers[-1]
    assert status == 0
    assert isinstance(result, RunResult)
    assert result.outputs == ()
    staging = Path(stage_request.staging)
    (file,) = result.checkpoints
    assert [path.name for path in staging.iterdir()] == [file.path]
    assert (staging / file.path).stat().st_size == file.bytes

    intermediate = (staging / file.path).rename(tmp_path / "intermediates")
    elsewhere = str(tmp_path / "elsewhere")
    rest = replace(
        stage_request, stop_at=None, checkpoints=elsewhere, intermediates=(str(intermediate),)
    )
    status, answers = answered(rest)
    assert status == 0
    assert [answer.node for answer in answers if isinstance(answer, CheckpointReused)] == ["totals"]
    assert "totals" not in [answer.node for answer in answers if isinstance(answer, NodeStarted)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stop_at": "totalz"}, "unknown target 'totalz'; did you mean 'totals'?"),
        ({"checkpoints": None}, "RunRequest.checkpoints: a stage that stops at 'cut' needs it"),
    ],
)
def test_a_wrong_stage_is_refused(
    answered: Server, stage_request: RunRequest, changes: dict[str, Any], message: str
) -> None:
    failure = _failure(answered(replace(stage_request, **changes)), 2)
    assert failure.kind == "request"
    assert failure.message.startswith(message)


def test_saved_results_stay_within_the_quota_of_the_request(
    answered: Server, stage_request: RunRequest, tmp_path: Path
) -> None:
    request = replace(stage_request, stop_at=None, checkpoint_quota=CheckpointQuota(0, 1))
    status, answers = answered(request)
    assert status == 0
    assert not [answer for answer in answers if isinstance(answer, CheckpointWritten)]
    assert not list((tmp_path / "saved").glob("*.checkpoint"))
