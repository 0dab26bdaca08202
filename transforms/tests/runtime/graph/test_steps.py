from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime import Dataflow
from isthmus_transforms.runtime.graph.build import build_graph
from isthmus_transforms.runtime.graph.steps import ordered_nodes, steps_of

Flows = Callable[..., Dataflow]
Modules = Callable[[str], ModuleType]


CHAIN = """
    from hamilton.function_modifiers import extract_fields

    def first() -> int: return 1

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
