"""A graph says as much as its reader can bear."""

from __future__ import annotations

import pytest

from isthmus_contracts.protocol import (
    MAX_DEPENDENCIES,
    MAX_NAME,
    MAX_NODES,
    Graph,
    GraphNode,
    graph_problem,
)


def node(name: str, *dependencies: str) -> GraphNode:
    return GraphNode(name, "function", "int", "A number.", dependencies)


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ((node("a"),) * MAX_NODES, None),
        ((node("a"),) * (MAX_NODES + 1), "the graph has 20,001 nodes; at most 20,000 are allowed"),
        ((node("a", *["b"] * MAX_DEPENDENCIES),), None),
        (
            (node("a", *["b"] * MAX_DEPENDENCIES), node("c", "a")),
            "the graph has 200,001 dependencies; at most 200,000 are allowed",
        ),
        ((node("a" * MAX_NAME),), None),
    ],
    ids=["most nodes", "more nodes", "most dependencies", "more dependencies", "longest name"],
)
def test_a_graph_has_bounds(nodes: tuple[GraphNode, ...], problem: str | None) -> None:
    assert graph_problem(Graph(1.0, nodes)) == problem


def test_a_longer_name_is_refused_and_cut_off_in_the_message() -> None:
    problem = graph_problem(Graph(1.0, (node("a" * (MAX_NAME + 1)),)))
    assert problem is not None
    assert problem.endswith("has a name of 501 characters; at most 500 are allowed")
    assert len(problem) < 250
