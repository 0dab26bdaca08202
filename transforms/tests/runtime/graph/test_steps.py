from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_contracts.protocol import Event
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import function_of, ordered_nodes, steps_of

Flows = Callable[..., Dataflow]
Modules = Callable[[str], ModuleType]


CHAIN = """
    from hamilton.function_modifiers import extract_fields, tag

    def first() -> int: return 1

    @tag(retries="2", retry_wait_seconds="0.5")
    def second(first: int) -> int: return first + 1

    @extract_fields({"low": int, "high": int})
    def pair(second: int, last: int = 0) -> dict: return {"low": second, "high": second + 1}
"""


def test_nodes_come_after_their_dependencies_and_unneeded_ones_are_left_out(
    module_of: Modules,
) -> None:
    graph = build_graph([module_of(CHAIN)], {})
    assert list(ordered_nodes(graph, ["low"], ())) == ["first", "second", "pair", "low"]
    assert list(ordered_nodes(graph, ["high", "first"], ())) == ["first", "second", "pair", "high"]


def test_a_given_node_needs_nothing(module_of: Modules) -> None:
    graph = build_graph([module_of(CHAIN)], {})
    nodes = ordered_nodes(graph, ["low"], {"second"})
    assert list(nodes) == ["second", "pair", "low"]
    steps = steps_of(graph, nodes, {"second"})
    assert [(step.name, step.needs) for step in steps] == [
        ("pair", ("second",)),
        ("low", ("pair",)),
    ]


def test_waits_double_and_extracted_parts_are_derived(module_of: Modules) -> None:
    module = module_of(CHAIN)
    graph = build_graph([module], {})
    steps = {step.name: step for step in steps_of(graph, ordered_nodes(graph, ["low"], ()), ())}
    assert steps["second"].waits == (0.5, 1.0)
    assert steps["pair"].waits == ()
    assert [step.name for step in steps.values() if step.is_derived] == ["low"]
    assert function_of(steps["low"].node) is module.pair


@pytest.mark.parametrize("node", ["part", "total"])
def test_dynamic_nodes_are_refused_before_anything_runs(flow_of: Flows, node: str) -> None:
    source = """
        from hamilton.htypes import Collect, Parallelizable

        def part() -> Parallelizable[int]:
            yield 1

        def total(part: Collect[int]) -> int:
            return 1
    """
    events: list[Event] = []
    with pytest.raises(DefinitionError) as caught:
        flow_of(source, "part", "total").compute([node], {}, on_event=events.append)
    assert str(caught.value) == (
        "node 'part' uses Parallelizable or Collect, which no engine supports; "
        "loop inside the function instead"
    )
    assert not events


@pytest.mark.parametrize(
    ("source", "nodes"),
    [
        ("def a(b: int) -> int: return b\ndef b(a: int) -> int: return a", {"a", "b"}),
        ("def a(a: int) -> int: return a", {"a"}),
    ],
)
def test_functions_that_need_each_other_are_refused(
    flow_of: Flows, source: str, nodes: set[str]
) -> None:
    flow = flow_of(source, "a")
    for act in (flow.describe, lambda: flow.compute(["a"], {})):
        with pytest.raises(DefinitionError, match=r"need each other$") as caught:
            act()
        assert all(repr(node) in str(caught.value) for node in nodes)


@pytest.mark.parametrize("tags", ["retries='often'", "retries='-1'", "retries='21'"])
def test_wrong_retry_tags_are_refused(flow_of: Flows, tags: str) -> None:
    source = f"from hamilton.function_modifiers import tag\n@tag({tags})\ndef a() -> int: return 1"
    with pytest.raises(DefinitionError, match=r"node 'a' has the tags retries='.*from 0 to 20"):
        flow_of(source, "a").compute(["a"], {})
