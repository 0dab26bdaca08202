"""Builds Hamilton's graph of a dataflow's functions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from types import ModuleType
from typing import Any

from hamilton import settings
from hamilton.function_modifiers.base import resolve_nodes
from hamilton.graph import FunctionGraph, add_dependency
from hamilton.graph_utils import find_functions
from hamilton.lifecycle.base import LifecycleAdapterSet
from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.hamilton_extensions import load_types
from isthmus_transforms.runtime.code_location import location_of
from isthmus_transforms.runtime.graph.origin import function_of
from isthmus_transforms.runtime.graph.retries import place_retries

# The `DefinitionError` says what Hamilton logs about a function that does not fit.
logging.getLogger("hamilton.function_modifiers.base").setLevel(logging.CRITICAL)
_ADAPTER = LifecycleAdapterSet()


def build_graph(
    modules: Sequence[ModuleType],
    params: Mapping[str, ParamValue],
    inputs: Collection[str] = (),
) -> FunctionGraph:
    """Return the graph of the modules' functions, in the variant that the params choose.

    It is what `hamilton.driver.Builder` makes, except that a mistake names its function. Raise
    `DefinitionError` if a function does not fit with the others, or if a node that it makes has the
    name of a param or an input, which would take its place.
    """
    load_types()  # a graph asks for the types of checks
    # Hamilton's decorator `@resolve` asks for this setting.
    config = {**params, settings.ENABLE_POWER_USER_MODE: True}
    given = {**dict.fromkeys(inputs, "an input"), **dict.fromkeys(params, "a param")}
    nodes: dict[str, Node] = {}
    for module in modules:
        for _, function in find_functions(module):
            for node in _nodes_of(function, config):
                _add(node, nodes, function, given)
    for name, node in list(nodes.items()):
        _connect(node, name, nodes)
    place_retries(nodes.values())
    return FunctionGraph(nodes, config)


def _nodes_of(function: Callable[..., Any], config: dict[str, Any]) -> Collection[Node]:
    try:
        return list(resolve_nodes(function, config))
    except Exception as error:  # Hamilton raises many types for an author's mistake
        raise _mistake(function, error) from error


def _add(
    node: Node,
    nodes: dict[str, Node],
    function: Callable[..., Any],
    given: Mapping[str, str],
) -> None:
    name = node.name
    if name in given:
        raise DefinitionError(
            f"{location_of(function)} computes {name!r}, which is also the name of "
            f"{given[name]}; the function would never run, so rename one of them"
        )
    if name in nodes:
        raise DefinitionError(
            f"{location_of(function)} computes {name!r}, as "
            f"{location_of(function_of(nodes[name]))} does; rename one of them"
        )
    nodes[name] = node


def _connect(node: Node, name: str, nodes: dict[str, Node]) -> None:
    try:
        for needed, (kind, _) in node.input_types.items():
            add_dependency(node, name, nodes, needed, kind, _ADAPTER)
    except Exception as error:
        raise _mistake(function_of(node), error) from error


def _mistake(function: Callable[..., Any], error: Exception) -> DefinitionError:
    problem = str(error).strip().partition("\n")[0]  # the rest is advice on Hamilton
    return DefinitionError(f"{location_of(function)} cannot be used: {problem}")
