from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pandas as pd
import pytest
from hamilton.data_quality.base import ValidationResult

from isthmus_contracts import Param
from isthmus_contracts.protocol import (
    CheckFinished,
    CheckpointReused,
    EngineProfile,
    Event,
    NodeFailed,
    NodeStarted,
)
from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.checks.hamilton import Check

Flows = Callable[..., Dataflow]
TWO = {"workers": 2}
EVERY = [
    EngineProfile("sequential", {}),
    EngineProfile("threads", TWO),
    EngineProfile("processes", TWO),
]
FACTOR = Param("factor", "number", 1.0, "Factor.")

SALES = """
    import numpy as np
    import pandas as pd
    from hamilton.function_modifiers import check_output, extract_columns, parameterize, value

    @check_output(range=(0, 5), importance="fail")
    def priced(orders: pd.DataFrame, factor: float) -> pd.Series:
        \"\"\"Price each order.\"\"\"
        return orders["price"] * factor

    @check_output(range=(0, 3), data_type=np.float64)
    def cheap(priced: pd.Series) -> pd.Series:
        return priced

    def report(cheap: pd.Series) -> str:
        return f"{cheap.sum():g}"
"""


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes find the dataflows that tests make up."""
    monkeypatch.syspath_prepend(tmp_path)


def _check_results(events: list[Event]) -> list[CheckFinished]:
    return [event for event in events if isinstance(event, CheckFinished)]


def _check_events(flow: Dataflow, target: str, orders: pd.DataFrame) -> list[CheckFinished]:
    events: list[Event] = []
    flow.compute([target], {"orders": orders}, on_event=events.append)
    return _check_results(events)


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_each_check_has_a_result_on_every_engine(
    flow_of: Flows, orders: pd.DataFrame, engine: EngineProfile, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    made = flow_of(SALES, "report", params=(FACTOR,)).compute(
        ["report"], {"orders": orders}, on_event=events.append, engine=engine
    )
    assert made == {"report": "8"}
    checks = _check_results(events)
    assert [
        (event.subject, event.result.check, event.result.level, event.result.passed)
        for event in checks
    ] == [
        ("priced", "range_validator", "error", True),
        ("cheap", "range_validator", "warning", False),
        ("cheap", "data_type_validator", "warning", True),
    ]
    assert checks[1].result.message == ("Series contains 2 values in range (0,3), and 1 outside.")
    assert [event.result.violations for event in checks] == [0, 1, 0]
    assert not caplog.records  # Hamilton's own words would show values


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_a_check_that_has_to_pass_fails_its_node_without_showing_values(
    flow_of: Flows, orders: pd.DataFrame, engine: EngineProfile, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of(SALES, "report", params=(FACTOR,))
    events: list[Event] = []
    secret = {"orders": orders.assign(price=[1.5, 2.5, 4321.75])}
    with pytest.raises(NodeError) as caught:
        flow.compute(["report"], secret, on_event=events.append, engine=engine)
    error = caught.value
    assert (error.node, error.function, error.file) == ("priced", "priced", "sample/functions.py")
    source = Path(flow.modules[0].__file__ or "").read_text(encoding="utf-8").splitlines()
    assert source[error.line - 1] == '@check_output(range=(0, 5), importance="fail")'
    assert error.problem == (
        "CheckError: range_validator: Series contains 2 values in range (0,5), and 1 outside."
    )
    assert error.given == (
        "priced_raw: Series of 3, float64, priced_range_validator: ValidationResult"
    )
    assert [
        (check_result.subject, check_result.result.passed)
        for check_result in _check_results(events)
    ] == [("priced", False)]
    failed = [(event.node, event.error) for event in events if isinstance(event, NodeFailed)]
    assert failed == [("priced", "CheckError")]
    assert "cheap" not in [event.node for event in events if isinstance(event, NodeStarted)]
    assert "4321" not in f"{error}{error.traceback}{events}{caplog.text}"


def test_all_checks_of_a_node_are_told_before_it_fails(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    source = """
        import pandas as pd
        from hamilton.function_modifiers import check_output

        @check_output(range=(0, 1), max_standard_dev=0.1, allow_nans=False, importance="fail")
        def report(orders: pd.DataFrame) -> pd.Series:
            return orders["price"]
    """
    events: list[Event] = []
    with pytest.raises(NodeError, match=r"range_validator: .*; max_standard_dev_validator: "):
        flow_of(source, "report").compute(["report"], {"orders": orders}, on_event=events.append)
    assert [check_result.result.passed for check_result in _check_results(events)] == [
        False,
        False,
        True,
    ]


def test_without_a_listener_the_log_tells_what_warns(
    flow_of: Flows, orders: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of(SALES, "report", params=(FACTOR,))
    flow.compute(["report"], {"orders": orders})
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (
            logging.WARNING,
            ("cheap: Series contains 2 values in range (0,3), and 1 outside. (range_validator)"),
        )
    ]


@pytest.mark.parametrize(
    ("prices", "passed"),
    [
        ([1.5, 1.5, 1.5], [True, True, True]),
        ([9.0, 1.5, 1.5], [False, False, True]),
        # Hamilton takes NaN for a value out of range, and passes over NA.
        ([1.5, 2.5, None], [True, False, False]),
        ([1.5, None, None], [True, False, False]),
    ],
)
def test_series_of_masked_types_are_checked(
    flow_of: Flows, orders: pd.DataFrame, prices: list[float | None], passed: list[bool]
) -> None:
    source = """
        import pandas as pd
        from hamilton.function_modifiers import check_output

        @check_output(range=(0, 5), max_standard_dev=0.1, allow_nans=False)
        def report(orders: pd.DataFrame) -> pd.Series:
            return orders["price"]
    """
    masked = orders.assign(price=pd.array(prices, dtype="Float64"))
    events = _check_events(flow_of(source, "report"), "report", masked)
    assert [event.result.passed for event in events] == passed


SPREAD = """
    import pandas as pd
    from hamilton.function_modifiers import (
        check_output, extract_columns, parameterize, source, subdag, tag, value,
    )

    @extract_columns("id", "price")
    @check_output(allow_none=False, target_="checked")
    def checked(orders: pd.DataFrame) -> pd.DataFrame:
        return orders

    @parameterize(one={"times": value(1)}, two={"times": value(2)})
    @check_output(range=(0, 5))
    def scaled(price: pd.Series, times: int) -> pd.Series:
        return price * times

    @check_output(range=(0, 7))
    def inner(price: pd.Series) -> pd.Series:
        return price * 2

    @subdag(inner, inputs={"price": source("price")})
    def nested(inner: pd.Series) -> pd.Series:
        return inner

    def report(id: pd.Series, one: pd.Series, two: pd.Series, nested: pd.Series) -> str:
        return f"{one.sum() + two.sum() + nested.sum():g}"
"""


def test_checks_are_found_however_a_function_makes_nodes(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    events = _check_events(flow_of(SPREAD, "report"), "report", orders)
    assert sorted((event.subject, event.result.check, event.result.passed) for event in events) == [
        ("checked", "allow_none_validator", True),
        ("nested.inner", "range_validator", False),
        ("one", "range_validator", True),
        ("two", "range_validator", False),
    ]


CUSTOM = """
    import pandas as pd
    from hamilton.data_quality.base import DataValidator, ValidationResult
    from hamilton.function_modifiers import check_output_custom

    class Sorted(DataValidator):
        def __init__(self, importance: str = "warn", answer: object = None) -> None:
            super().__init__(importance)
            self.answer = answer

        def applies_to(self, datatype: type) -> bool:
            return True

        def description(self) -> str:
            return "Whether it is sorted."

        @classmethod
        def name(cls) -> str:
            return "sorted"

        def validate(self, dataset: pd.Series) -> ValidationResult:
            if self.answer is not None:
                return self.answer
            falls = dataset[dataset.diff() < 0]
            found = {{"broken": len(falls), "examples": list(falls.index)}}
            return ValidationResult(not len(falls), "it falls" * bool(len(falls)), found)

    class Loud:
        def __str__(self) -> str:
            raise OverflowError("too loud")

    @check_output_custom({validator})
    def report(orders: pd.DataFrame) -> pd.Series:
        return orders.set_index("id")["price"][::-1]
"""


def test_a_custom_validator_may_say_how_many_rows_broke_it_and_which(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    flow = flow_of(CUSTOM.format(validator="Sorted()"), "report")
    (event,) = _check_events(flow, "report", orders)
    assert (event.result.check, event.result.level, event.result.passed) == (
        "sorted",
        "warning",
        False,
    )
    assert (event.result.message, event.result.violations, event.result.examples) == (
        "it falls",
        2,
        ("2", "1"),
    )


def test_two_validators_of_one_name_are_two_check_results(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    flow = flow_of(CUSTOM.format(validator='Sorted(), Sorted("fail")'), "report")
    events: list[Event] = []
    with pytest.raises(NodeError, match="CheckError: sorted: it falls"):
        flow.compute(["report"], {"orders": orders}, on_event=events.append)
    assert [check_result.result.level for check_result in _check_results(events)] == [
        "warning",
        "error",
    ]


@pytest.mark.parametrize(("answer", "kind"), [("True", "bool"), ("'fine'", "str"), ("[1]", "list")])
def test_a_validator_that_returns_something_else_is_the_authors_mistake(
    flow_of: Flows, orders: pd.DataFrame, answer: str, kind: str
) -> None:
    flow = flow_of(CUSTOM.format(validator=f"Sorted(answer={answer})"), "report")
    problem = f"TypeError: validator 'sorted' returned a {kind}; expected a ValidationResult"
    with pytest.raises(NodeError, match=problem) as caught:
        flow.compute(["report"], {"orders": orders})
    assert (caught.value.node, caught.value.function) == ("report_sorted", "report")


@pytest.mark.parametrize(
    ("answer", "message", "broken", "examples"),
    [
        ("ValidationResult(False, 'x' * 9999)", "x" * 497 + "...", 0, ()),
        ("ValidationResult(False, None, None)", "None", 0, ()),
        ("ValidationResult(0, 'a\\nb', {'broken': -3, 'examples': 'abc'})", "a b", 0, ()),
        (
            "ValidationResult(False, 'x', {'examples': list(range(99)), 'broken': 99})",
            "x",
            99,
            ("0", "1", "2", "3", "4"),
        ),
        (
            "ValidationResult(False, Loud())",
            "its result cannot be reported: doing so raises OverflowError",
            0,
            (),
        ),
        (
            "ValidationResult(False, 'x', {'broken': 'many'})",
            "its result cannot be reported: doing so raises ValueError",
            0,
            (),
        ),
    ],
)
def test_whatever_a_validator_says_is_told_within_bounds(  # noqa: PLR0913, PLR0917 - parameters
    flow_of: Flows,
    orders: pd.DataFrame,
    answer: str,
    message: str,
    broken: int,
    examples: tuple[str, ...],
) -> None:
    flow = flow_of(CUSTOM.format(validator=f"Sorted(answer={answer})"), "report")
    (event,) = _check_events(flow, "report", orders)
    assert event.result.passed is False
    assert event.result.message == message
    assert (event.result.violations, event.result.examples) == (broken, examples)


PANDERA = """
    import pandas as pd
    import pandera.pandas as pa
    from hamilton.function_modifiers import check_output

    LEAST = 2.0
    SCHEMA = pa.DataFrameSchema(
        {{
            "id": pa.Column(int, unique=True),
            "price": pa.Column(float, [pa.Check.ge(LEAST), pa.Check.le(3, error="not dear")]),
            "place": pa.Column(str, required={required}),
        }}
    )
    PRICES = pa.SeriesSchema(float, pa.Check.le(3), nullable=False)

    @check_output(schema=SCHEMA, importance="{importance}")
    def checked(orders: pd.DataFrame) -> pd.DataFrame:
        return orders.set_index(orders["id"].map("order {{}}".format))

    @check_output(schema=PRICES)
    def report(checked: pd.DataFrame) -> pd.Series:
        return checked["price"]
"""


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_a_schema_of_pandera_is_told_with_the_labels_of_rows(
    flow_of: Flows, orders: pd.DataFrame, engine: EngineProfile
) -> None:
    flow = flow_of(PANDERA.format(required=True, importance="warn"), "report")
    events: list[Event] = []
    flow.compute(["report"], {"orders": orders}, on_event=events.append, engine=engine)
    table, column = _check_results(events)
    assert (table.subject, table.result.check) == ("checked", "pandera_schema_validator")
    assert (table.result.level, table.result.passed) == ("warning", False)
    assert table.result.message == (
        "column_in_dataframe (place); column 'price' breaks "
        "greater_than_or_equal_to(2.0) in 1 row; column 'price' breaks not dear in 1 row"
    )
    assert (table.result.violations, table.result.examples) == (2, ("row order 1", "row order 3"))
    assert (column.subject, column.result.violations, column.result.examples) == (
        "report",
        1,
        ("row order 3",),
    )


def test_a_schema_that_has_to_match_fails_without_showing_values(
    flow_of: Flows, orders: pd.DataFrame
) -> None:
    flow = flow_of(PANDERA.format(required=False, importance="fail"), "report")
    events: list[Event] = []
    secret = {"orders": orders.assign(price=[2.0, 4321.75, 4321.75])}
    with pytest.raises(NodeError) as caught:
        flow.compute(["report"], secret, on_event=events.append)
    error = caught.value
    assert error.node == "checked"
    assert error.problem.startswith("CheckError: pandera_schema_validator: column 'price' breaks")
    assert "4321" not in f"{error}{error.traceback}{events}"


def test_a_schema_that_matches_is_told_shortly(flow_of: Flows, orders: pd.DataFrame) -> None:
    flow = flow_of(PANDERA.format(required=False, importance="fail"), "report")
    events = _check_events(flow, "report", orders.assign(price=[2.0, 2.5, 3.0]))
    assert [event.result.passed for event in events] == [True, True]
    assert all(len(event.result.message) <= 500 for event in events)


def test_many_rows_that_break_a_schema_are_counted(flow_of: Flows) -> None:
    flow = flow_of(PANDERA.format(required=False, importance="warn"), "report")
    orders = pd.DataFrame({"id": range(20_000), "price": 1.0})
    events = _check_events(flow, "report", orders)
    assert (events[0].result.violations, len(events[0].result.examples)) == (20_000, 5)


def test_the_graph_says_what_the_nodes_of_a_check_are_for(flow_of: Flows) -> None:
    graph = flow_of(SALES, "report", params=(FACTOR,)).describe()
    described = {node.name: node.description for node in graph.nodes}
    assert described["priced_raw"] == "Price each order."
    assert described["priced_range_validator"].startswith(
        "Checks 'priced', and ends the run if that fails. "
    )
    assert described["cheap_range_validator"].startswith("Checks 'cheap', and only warns. ")
    assert described["priced"] == "The value after its checks: Price each order."
    assert described["report"] == ""


@pytest.mark.parametrize("engine", EVERY, ids=lambda engine: engine.name)
def test_a_kept_result_was_checked_and_is_not_told_of_again(
    flow_of: Flows, orders: pd.DataFrame, tmp_path: Path, engine: EngineProfile
) -> None:
    flow = flow_of(SALES, "report", params=(FACTOR,), checkpoints={"cut": "priced"})
    subjects = []
    for _ in range(2):
        events: list[Event] = []
        flow.compute(
            ["report"],
            {"orders": orders},
            on_event=events.append,
            engine=engine,
            checkpoints=tmp_path / "kept",
        )
        subjects.append([event.subject for event in _check_results(events)])
    assert [event.node for event in events if isinstance(event, CheckpointReused)] == ["priced"]
    assert subjects == [["priced", "cheap", "cheap"], ["cheap", "cheap"]]


def test_a_result_that_failed_its_check_is_not_kept(
    flow_of: Flows, orders: pd.DataFrame, tmp_path: Path
) -> None:
    flow = flow_of(SALES, "report", params=(FACTOR,), checkpoints={"cut": "priced"})
    for _ in range(2):
        events: list[Event] = []
        with pytest.raises(NodeError, match="CheckError"):
            flow.compute(
                ["report"],
                {"orders": orders},
                {"factor": 9.0},
                events.append,
                checkpoints=tmp_path / "kept",
            )
        assert [check_result.result.passed for check_result in _check_results(events)] == [False]


RETRIED = """
    import pandas as pd
    from hamilton.function_modifiers import check_output, tag

    tries = []

    @tag(retries="2", retry_wait_seconds="0")
    @check_output(range=(0, {most}), importance="fail")
    def report(orders: pd.DataFrame) -> pd.Series:
        tries.append(len(tries))
        if len(tries) < 3:
            raise TimeoutError("again")
        return orders["price"]
"""


@pytest.mark.parametrize(
    ("most", "end"), [(5, nullcontext()), (1, pytest.raises(NodeError, match="CheckError"))]
)
def test_what_is_tried_again_is_the_function_and_not_its_check(
    flow_of: Flows, orders: pd.DataFrame, most: int, end: AbstractContextManager[object]
) -> None:
    flow = flow_of(RETRIED.format(most=most), "report")
    events: list[Event] = []
    with end:
        flow.compute(["report"], {"orders": orders}, on_event=events.append)
    assert flow.modules[0].tries == [0, 1, 2]
    assert [check_result.result.passed for check_result in _check_results(events)] == [most == 5]


def test_a_function_may_take_what_a_check_has_found(flow_of: Flows, orders: pd.DataFrame) -> None:
    source = (
        SALES
        + """
    from hamilton.data_quality.base import ValidationResult

    def check_result(cheap_range_validator: ValidationResult) -> str:
        return str(cheap_range_validator.passes)
    """
    )
    flow = flow_of(source, "check_result", params=(FACTOR,))
    assert flow.compute(["check_result"], {"orders": orders}) == {"check_result": "False"}


def test_a_check_result_without_diagnostics_is_reported() -> None:
    event = Check("x", "x_raw", "mine", "error").event(
        ValidationResult(passes=True, message="fine")
    )
    assert (event.subject, event.result.check, event.result.level, event.result.passed) == (
        "x",
        "mine",
        "error",
        True,
    )
    assert (event.result.message, event.result.violations, event.result.examples) == ("fine", 0, ())
