from __future__ import annotations

import os
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


WHERE = """
    import os, threading, time

    def first() -> tuple: return _place()
    def second() -> tuple: return _place()
    def both(first: tuple, second: tuple) -> list: return [first, second]

    def _place():
        start = time.monotonic()
        time.sleep(0.5)
        return os.getpid(), threading.get_ident(), start, time.monotonic()
"""


@pytest.mark.parametrize("engine", PARALLEL, ids=by_name)
def test_two_functions_run_in_parallel(flow_of: Flows, engine: EngineProfile) -> None:
    made = flow_of(WHERE, "both").compute(["both"], {}, engine=engine)
    (one, other) = made["both"]  # type: ignore[misc] # a node's value may be anything
    assert one[:2] != other[:2]
    assert (one[0] == os.getpid()) == (engine.name == "threads")
    assert max(one[2], other[2]) < min(one[3], other[3])


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
