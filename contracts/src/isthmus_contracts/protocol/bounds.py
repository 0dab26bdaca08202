"""How much one graph may say: more would cost its reader minutes and memory."""

from __future__ import annotations

from isthmus_contracts.formatting import shown
from isthmus_contracts.protocol.messages import Graph

MAX_NODES = 20_000
MAX_DEPENDENCIES = 200_000
MAX_NAME = 500
"""The longest name of a node, in characters."""


def graph_problem(graph: Graph) -> str | None:
    """Return why a graph says too much, or None."""
    if len(graph.nodes) > MAX_NODES:
        return f"the graph has {len(graph.nodes):,} nodes; at most {MAX_NODES:,} are allowed"
    dependencies = sum(len(node.dependencies) for node in graph.nodes)
    if dependencies > MAX_DEPENDENCIES:
        return (
            f"the graph has {dependencies:,} dependencies; at most {MAX_DEPENDENCIES:,} are allowed"
        )
    for node in graph.nodes:
        if len(node.name) > MAX_NAME:
            return (
                f"the node {shown(node.name)} has a name of {len(node.name):,} characters; "
                f"at most {MAX_NAME} are allowed"
            )
    return None
