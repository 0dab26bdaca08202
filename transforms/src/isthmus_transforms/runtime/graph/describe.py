"""Describes the nodes of a graph, for events, pictures and the command line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from hamilton.htypes import get_type_as_string
from hamilton.node import Node

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Input
from isthmus_contracts.protocol import Graph, GraphNode, graph_problem
from isthmus_contracts.rules import Level
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.checks.hamilton import CHECKS, check_of
from isthmus_transforms.runtime.code_location import location_of
from isthmus_transforms.runtime.graph.origin import function_of

_CONSEQUENCE: Mapping[Level, str] = MappingProxyType(
    {"error": "and ends the run if that fails", "warning": "and only warns"}
)


def describe_graph(
    contract: Contract, nodes: Mapping[str, Node], targets: Mapping[str, str]
) -> Graph:
    """Return a description of the nodes that run, in their order; `targets` maps names to nodes.

    Raise `DefinitionError` for a graph that is larger than the platform reads.
    """
    inputs = {declared.name: _input_description(declared) for declared in contract.inputs}
    params = {param.name: param.description for param in contract.params}
    partitioned = {
        table.name: f"Partitioned by {table.partitioning}." for table in contract.partitioned
    }
    target_of = {node: target for target, node in targets.items()}
    described = []
    for name, node in nodes.items():
        if name in inputs:
            described.append(_given(node, "input", inputs[name]))
        elif name in params:
            described.append(_given(node, "param", params[name]))
        else:
            dependencies = tuple(
                dependency.name for dependency in node.dependencies if dependency.name in nodes
            )
            target = target_of.get(name)
            note = partitioned.get(target or "", "")
            described.append(_function(node, dependencies, target, note))
    graph = Graph(time.time(), tuple(described))
    if (problem := graph_problem(graph)) is not None:
        raise DefinitionError(f"dataflow {str(contract.identity)!r}: {problem}")
    return graph


def _input_description(declared: Input) -> str:
    if declared.filter_column is None:
        return declared.table.description
    return (
        f"{declared.table.description} "
        f"For an interval, only the rows with {declared.filter_column} in it."
    )


def _given(node: Node, kind: Literal["input", "param"], description: str) -> GraphNode:
    return GraphNode(node.name, kind, _type(node), description, ())


def _function(
    node: Node, dependencies: tuple[str, ...], target: str | None, note: str
) -> GraphNode:
    location = location_of(function_of(node))
    description = " ".join([_role(node), *(node.documentation or "").split(), *note.split()])
    return GraphNode(
        node.name,
        "function",
        _type(node),
        description.strip(),
        dependencies,
        target,
        location.function,
        location.file,
        location.line,
    )


def _role(node: Node) -> str:
    """Return what the node does, if Hamilton made several nodes of a function with checks."""
    if CHECKS in node.tags and (check := check_of(node)):
        return f"Checks {check.subject!r}, {_CONSEQUENCE[check.level]}."
    for dependency in node.dependencies:
        if (
            CHECKS in dependency.tags
            and (check := check_of(dependency))
            and check.subject == node.name
        ):
            return "The value after its checks:"
    return ""


def _type(node: Node) -> str:
    return get_type_as_string(node.type) or ""
