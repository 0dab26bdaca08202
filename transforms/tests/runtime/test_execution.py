from __future__ import annotations

import gc
from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest

from isthmus_contracts.protocol import Event, NodeFinished
from isthmus_transforms.errors import NodeError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.execution import execute
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import ordered_nodes, steps_of

Flows = Callable[..., Dataflow]

DIAMOND = """
    calls = []

    def bottom(left: int, right: int) -> int:
        calls.append("bottom")
        return left + right

    def left(top: int) -> int:
        calls.append("left")
        return top + 1

    def right(top: int) -> int:
        calls.append("right")
        return top + 2

    def top() -> int:
        calls.append("top")
        return 10

    def unwanted(top: int) -> int:
        calls.append("unwanted")
        return 0
"""


def _node_events(events: list[Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__.removeprefix("Node"), event.node) for event in events]


def test_each_needed_function_runs_once_after_what_it_needs(flow_of: Flows) -> None:
    flow = flow_of(DIAMOND, "bottom")
    assert flow.compute(["bottom"], {}) == {"bottom": 23}
    assert flow.modules[0].calls == ["top", "left", "right", "bottom"]


def test_events_come_in_order_and_a_start_before_its_end(flow_of: Flows) -> None:
    events: list[Event] = []
    flow_of(DIAMOND, "bottom").compute(["bottom"], {}, on_event=events.append)
    assert _node_events(events) == [
        (what, node)
        for node in ("top", "left", "right", "bottom")
        for what in ("Started", "Finished")
    ]
    times = [event.at for event in events]
    assert times == sorted(times)
    assert all(event.seconds >= 0 for event in events if isinstance(event, NodeFinished))


def test_a_chain_of_5000_functions_runs(module_of: Callable[[str], ModuleType]) -> None:
    length = 5_000
    functions = (f"def n{i}(n{i - 1}: int) -> int: return n{i - 1} + 1" for i in range(1, length))
    graph = build_graph([module_of("\n".join(["def n0() -> int: return 1", *functions]))], {})
    events: list[Event] = []
    last = f"n{length - 1}"
    steps = steps_of(graph, ordered_nodes(graph, [last], ()), ())
    assert execute(steps, [last], {}, events.append) == {last: length}
    assert len(events) == 2 * length


COUNTED = """
    import weakref

    class Thing:
        pass

    things = weakref.WeakSet()
    alive = {}

    def _new() -> Thing:
        thing = Thing()
        things.add(thing)
        return thing

    def a() -> Thing:
        return _new()

    def b(a: Thing) -> Thing:
        alive["b"] = len(things)
        return _new()

    def c(a: Thing, b: Thing) -> Thing:
        alive["c"] = len(things)
        return _new()

    def d(c: Thing) -> Thing:
        alive["d"] = len(things)
        return _new()
"""


def test_a_result_is_freed_after_its_last_use(flow_of: Flows) -> None:
    flow = flow_of(COUNTED, "d")
    gc.disable()  # reference counts alone must do
    try:
        made = flow.compute(["d"], {})
        (module,) = flow.modules
        assert module.alive == {"b": 1, "c": 2, "d": 1}
        assert set(module.things) == {made["d"]}
    finally:
        gc.enable()


def test_a_target_that_others_use_is_not_freed(flow_of: Flows) -> None:
    flow = flow_of(COUNTED, "d", checkpoints={"first": "a"})
    made = flow.compute(["first", "d", "b"], {})
    assert list(made) == ["first", "d", "b"]
    assert set(flow.modules[0].things) == set(made.values())


def test_the_results_of_a_failed_run_are_freed_with_its_error(flow_of: Flows) -> None:
    flow = flow_of(COUNTED + "\n    def e(d: Thing) -> int:\n        raise KeyError\n", "e")
    with pytest.raises(NodeError):
        flow.compute(["e"], {})
    gc.collect()
    assert not flow.modules[0].things


OPTIONAL = """
    import pandas as pd

    def count(orders: pd.DataFrame | None = None) -> int:
        return -1 if orders is None else len(orders)
"""


def test_an_optional_dependency_may_be_there_or_not(flow_of: Flows, orders: pd.DataFrame) -> None:
    flow = flow_of(OPTIONAL, "count")
    assert flow.compute(["count"], {}) == {"count": -1}
    assert flow.compute(["count"], {"orders": orders}) == {"count": 3}


def test_an_optional_dependency_that_a_function_makes_is_made(flow_of: Flows) -> None:
    flow = flow_of(
        "def a() -> int: return 5\ndef b(a: int = 1, c: int = 2) -> int: return a + c", "b"
    )
    assert flow.compute(["b"], {}) == {"b": 7}


def test_a_dependency_that_is_taken_twice_is_freed_after_both(flow_of: Flows) -> None:
    source = """
        from hamilton.function_modifiers import group, inject, source

        def a() -> int:
            return 4

        @inject(both=group(source("a"), source("a")))
        def b(both: list[int]) -> int:
            return sum(both)

        def c(a: int, b: int) -> int:
            return a + b
    """
    assert flow_of(source, "c").compute(["c"], {}) == {"c": 12}


def test_nothing_is_run_for_no_target(flow_of: Flows) -> None:
    events: list[Event] = []
    assert flow_of(DIAMOND, "bottom").compute([], {}, on_event=events.append) == {}
    assert not events


def test_no_function_runs_after_one_that_raised(flow_of: Flows) -> None:
    source = "def a() -> int: raise RuntimeError\ndef b(a: int) -> int: return a"
    events: list[Event] = []
    with pytest.raises(NodeError, match=r"failed in a .*: RuntimeError: $"):
        flow_of(source, "b").compute(["b"], {}, on_event=events.append)
    assert _node_events(events) == [("Started", "a"), ("Failed", "a")]


def test_a_listener_that_raises_ends_the_run(flow_of: Flows) -> None:
    def on_event(_event: Event) -> None:
        raise BrokenPipeError

    flow = flow_of("calls = []\ndef a() -> int: return calls.append(1)", "a")
    with pytest.raises(BrokenPipeError):
        flow.compute(["a"], {}, on_event=on_event)
    assert flow.modules[0].calls == []
