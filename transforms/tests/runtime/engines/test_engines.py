from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from isthmus_contracts import Param
from isthmus_contracts.protocol import EngineProfile, Event, NodeFailed, NodeStarted
from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime import Dataflow

pytestmark = pytest.mark.slow

Flows = Callable[..., Dataflow]
TWO = {"workers": 2}
PARALLEL = [EngineProfile("threads", TWO), EngineProfile("processes", TWO)]
EVERY = [EngineProfile("sequential", {}), *PARALLEL]
THREADS, PROCESSES = PARALLEL


def by_name(profile: EngineProfile) -> str:
    return profile.name


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import the functions of a test."""
    monkeypatch.syspath_prepend(tmp_path)


SALES = """
    import pandas as pd
    from hamilton.function_modifiers import config, extract_columns, parameterize, value

    def priced(orders: pd.DataFrame, factor: float) -> pd.DataFrame:
        return orders.assign(price=orders["price"] * factor)

    @extract_columns("low", "high")
    def split(priced: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"low": priced["price"] - 1, "high": priced["price"] + 1})

    @parameterize(low_sum={"sign": value(-1)}, high_sum={"sign": value(1)})
    def signed(low: pd.Series, high: pd.Series, sign: int) -> float:
        return sign * float((low if sign < 0 else high).sum())

    @config.when(style="plain")
    def report__plain(low_sum: float, high_sum: float) -> str:
        return f"{low_sum:g} {high_sum:g}"

    @config.when(style="loud")
    def report__loud(low_sum: float, high_sum: float) -> str:
        return f"{low_sum:g} {high_sum:g}!"

    def key(low_sum: float) -> object:
        return lambda: low_sum

    def unpickled(key: object) -> float:
        return key()
"""
PARAMS = (
    Param("factor", "number", 2.0, "Factor."),
    Param("style", "string", "plain", "Style.", choices=("plain", "loud")),
)


@pytest.mark.parametrize("engine", EVERY, ids=by_name)
def test_every_engine_computes_the_same(
    flow_of: Flows, orders: pd.DataFrame, engine: EngineProfile
) -> None:
    flow = flow_of(SALES, "report", params=PARAMS)
    targets = ["report", "high", "low_sum", "unpickled"]
    made = flow.compute(targets, {"orders": orders}, {"style": "loud"}, engine=engine)
    assert made["report"] == "-13 19!"
    assert (made["low_sum"], made["unpickled"]) == (-13.0, -13.0)
    pd.testing.assert_series_equal(
        made["high"], pd.Series([4.0, 6.0, 9.0], name="high"), check_exact=True
    )


CHAIN = """
    def n0() -> int: return 1
    def n1(n0: int) -> int: return n0 + 1
    def n2(n1: int) -> int: return n1 + 1
    def m2(n0: int, n1: int) -> int: return n0 + n1
    def end(n2: int, m2: int) -> int: return n2 * m2
"""


@pytest.mark.parametrize("engine", PARALLEL, ids=by_name)
def test_each_start_and_end_of_a_node_is_reported(flow_of: Flows, engine: EngineProfile) -> None:
    events: list[Event] = []
    assert flow_of(CHAIN, "end").compute(["end"], {}, on_event=events.append, engine=engine) == {
        "end": 9
    }
    seen: set[str] = set()
    for event in events:
        node = getattr(event, "node", "")
        if isinstance(event, NodeStarted):
            needs = {"n1": {"n0"}, "n2": {"n1"}, "m2": {"n0", "n1"}, "end": {"n2", "m2"}}
            assert needs.get(node, set()) <= seen
        else:
            seen.add(node)
    assert len(events) == 10


MEETING = """
    import os, threading, time
    from pathlib import Path

    def first(folder: str) -> tuple: return _meet(folder, "first", "second")
    def second(folder: str) -> tuple: return _meet(folder, "second", "first")
    def both(first: tuple, second: tuple) -> list: return [first, second]

    def _meet(folder, own, other):
        Path(folder, own).touch()
        deadline = time.monotonic() + 60
        while not Path(folder, other).exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{other} does not run in parallel")
            time.sleep(0.01)
        return os.getpid(), threading.get_ident()
"""


@pytest.mark.parametrize("engine", PARALLEL, ids=by_name)
def test_two_functions_run_in_parallel(
    flow_of: Flows, engine: EngineProfile, tmp_path: Path
) -> None:
    flow = flow_of(MEETING, "both", params=(Param("folder", "string", "", "Where they meet."),))
    made = flow.compute(["both"], {}, {"folder": str(tmp_path)}, engine=engine)
    (one, other) = made["both"]  # type: ignore[misc] # a node's value may be anything
    assert one != other
    assert (one[0] == os.getpid()) == (engine.name == "threads")


WAITING = {
    "input": """
        def one(orders: object) -> str: return _meet("one")
        def two(orders: object) -> str: return _meet("two")
        def three(orders: object) -> str: return _meet("three")
    """,
    "parameterize": """
        from hamilton.function_modifiers import parameterize, source, value

        @parameterize(
            zero={"name": value(""), "before": source("orders")},
            one={"name": value("one"), "before": source("zero")},
            two={"name": value("two"), "before": source("zero")},
            three={"name": value("three"), "before": source("zero")},
        )
        def each(before: object, name: str) -> object: return _meet(name) if name else name
    """,
    "pipe_output": """
        from hamilton.function_modifiers import pipe_output, step

        def _step(before: str) -> str: return _meet(before)

        @pipe_output(step(_step))
        def one(orders: object) -> str: return "one"
        @pipe_output(step(_step))
        def two(orders: object) -> str: return "two"
        @pipe_output(step(_step))
        def three(orders: object) -> str: return "three"
    """,
    "mutate": """
        from hamilton.function_modifiers import mutate

        def one(orders: object) -> str: return "one"
        def two(orders: object) -> str: return "two"
        def three(orders: object) -> str: return "three"

        @mutate(one, two, three)
        def _mutator(before: str) -> str: return _meet(before)
    """,
    "check_output_custom": """
        from hamilton.data_quality.base import DataValidator, ValidationResult
        from hamilton.function_modifiers import check_output_custom

        class Meeting(DataValidator):
            def __init__(self) -> None: super().__init__("warn")
            def applies_to(self, datatype: type) -> bool: return True
            def description(self) -> str: return "Waits for the others."
            @classmethod
            def name(cls) -> str: return "meeting"
            def validate(self, dataset: str) -> ValidationResult:
                _meet(dataset)
                return ValidationResult(True, "")

        @check_output_custom(Meeting())
        def one(orders: object) -> str: return "one"
        @check_output_custom(Meeting())
        def two(orders: object) -> str: return "two"
        @check_output_custom(Meeting())
        def three(orders: object) -> str: return "three"
    """,
}
ALL = """
def all_three(one: object, two: object, three: object) -> str: return f"{one} {two} {three}"

import threading
barrier = threading.Barrier(3)

def _meet(name):
    barrier.wait(timeout=60)
    return name
"""


@pytest.mark.parametrize("kind", WAITING)
def test_code_of_authors_runs_in_parallel_however_its_nodes_are_made(
    flow_of: Flows, orders: pd.DataFrame, kind: str
) -> None:
    flow = flow_of(textwrap.dedent(WAITING[kind]) + ALL, "all_three")
    engine = EngineProfile("threads", {"workers": 3})
    made = flow.compute(["all_three"], {"orders": orders}, engine=engine)
    assert made == {"all_three": "one two three"}


RAISING = """
    import time

    def quick() -> int:
        time.sleep(0.1)
        raise ValueError("too quick")

    def lasting() -> int:
        time.sleep(60)
        return 1

    def both(quick: int, lasting: int) -> int:
        return 1
"""


@pytest.mark.parametrize("engine", PARALLEL, ids=by_name)
def test_the_first_function_that_raises_ends_the_run(flow_of: Flows, engine: EngineProfile) -> None:
    flow = flow_of(RAISING, "both")
    events: list[Event] = []
    with pytest.raises(NodeError, match="ValueError: too quick") as caught:
        flow.compute(["both"], {}, on_event=events.append, engine=engine)
    failed = {
        event.node: (event.error, event.at) for event in events if isinstance(event, NodeFailed)
    }
    assert {node: error for node, (error, _) in failed.items()} == {
        "quick": "ValueError",
        "lasting": "Cancelled",
    }
    assert time.time() - failed["quick"][1] < 1
    assert (caught.value.function, caught.value.file) == ("quick", "sample/functions.py")
    assert caught.value.line == 6
    assert caught.value.traceback.endswith("ValueError: too quick\n")
    assert "isthmus_transforms" not in caught.value.traceback


@pytest.mark.parametrize("engine", PARALLEL, ids=by_name)
def test_a_keyboard_interrupt_from_a_function_ends_the_run(
    flow_of: Flows, engine: EngineProfile
) -> None:
    flow = flow_of("def a() -> int: raise KeyboardInterrupt(7)", "a")
    with pytest.raises(KeyboardInterrupt):
        flow.compute(["a"], {}, engine=engine)


RETRIED = """
    from hamilton.function_modifiers import tag

    calls = []

    @tag(retries="2", retry_wait_seconds="0.01")
    def fetched() -> int:
        calls.append(1)
        if len(calls) < {good}:
            raise ConnectionError("no answer")
        return len(calls)
"""


@pytest.mark.parametrize("engine", EVERY, ids=by_name)
def test_a_function_is_retried_as_its_tags_declare(
    flow_of: Flows, caplog: pytest.LogCaptureFixture, engine: EngineProfile
) -> None:
    events: list[Event] = []
    flow = flow_of(RETRIED.format(good=3), "fetched")
    made = flow.compute(["fetched"], {}, on_event=events.append, engine=engine)
    assert made == {"fetched": 3}
    assert len(events) == 2
    if engine.name != "processes":  # those write to their own standard error
        assert [record.getMessage() for record in caplog.records] == [
            f"node 'fetched' failed in attempt {number} of 3; next attempt in {wait} s: "
            "ConnectionError: no answer"
            for number, wait in ((1, 0.01), (2, 0.02))
        ]


def test_a_function_that_fails_too_often_has_failed(flow_of: Flows) -> None:
    flow = flow_of(RETRIED.format(good=4), "fetched")
    with pytest.raises(NodeError, match="ConnectionError: no answer"):
        flow.compute(["fetched"], {})
    assert len(flow.modules[0].calls) == 3


METHODS = [
    "__getattr__(self, name): raise KeyError(name)",
    "__getattr__(self, name): return self.answer[name]",  # endless where it is not there yet
    "__getattr__(self, name): raise SystemExit(3)",
    "__getattribute__(self, name): raise KeyError(name)",
    "__sizeof__(self): raise ValueError",
    "__repr__(self): raise ValueError",
    "__len__(self): raise ValueError",
    "__bool__(self): raise ValueError",
    "__eq__(self, other): raise ValueError",
    "__hash__(self): raise ValueError",
    "__reduce__(self): raise ValueError",
    "__setstate__(self, state): raise ValueError",
    "__class__(self): raise ValueError\n        __class__ = property(__class__)",
    "nbytes(self): raise ValueError\n        nbytes = property(nbytes)",
    "shape(self): raise ValueError\n        shape = property(shape)",
]
ODD = """
    class Odd{number}:
        answer = 42
        def {method}

    def odd_{number}() -> object: return Odd{number}()
    def answer_{number}(odd_{number}: object) -> int: return type(odd_{number}).answer
    def failed_{number}(odd_{number}: object) -> int: raise ValueError("not odd")
"""


@pytest.mark.parametrize("engine", EVERY, ids=by_name)
def test_looking_at_a_value_never_fails_a_run(
    flow_of: Flows, engine: EngineProfile, tmp_path: Path
) -> None:
    sources = [ODD.format(number=n, method=method) for n, method in enumerate(METHODS)]
    flow = flow_of("".join(sources), "answer_0")
    answers = [f"answer_{number}" for number in range(len(METHODS))]
    made = flow.compute(answers, {}, engine=engine, checkpoints=tmp_path / "saved")
    assert made == dict.fromkeys(answers, 42)
    for number, method in enumerate(METHODS if engine.name == "sequential" else ["any"]):
        with pytest.raises(NodeError, match="ValueError: not odd") as caught:
            flow.compute([f"failed_{number}"], {}, engine=engine)
        assert caught.value.given == f"odd_{number}: Odd{number}", method
