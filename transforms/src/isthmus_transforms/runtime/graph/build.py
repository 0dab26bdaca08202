"""Building the graph of a dataflow's functions, and describing it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Literal

from hamilton import driver, registry
from hamilton.graph import FunctionGraph
from hamilton.htypes import get_type_as_string
from hamilton.node import Node

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Input, ParamValue
from isthmus_contracts.protocol import Graph, GraphNode
from isthmus_contracts.rules import Level
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.checks.hamilton import CHECKS, check_of
from isthmus_transforms.runtime.code_location import source_of
from isthmus_transforms.runtime.graph.steps import function_of

registry.load_extension("pandas")
for _name in ("hamilton.driver", "hamilton.function_modifiers.base"):
    # What they log of functions that do not fit together stands in the `DefinitionError`.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


_CONSEQUENCE: Mapping[Level, str] = {"error": "which has to pass", "warning": "and only warns"}


def build_graph(modules: Sequence[ModuleType], params: Mapping[str, ParamValue]) -> FunctionGraph:
    """Return the graph of the modules' functions, in the variant that the params choose.

    Raise `DefinitionError` if the functions do not fit together.
    """
    try:
        return driver.Builder().with_modules(*modules).with_config(dict(params)).build().graph
    except Exception as error:  # Hamilton raises many kinds for what an author got wrong
        names = ", ".join(module.__name__.rpartition(".")[2] for module in modules)
        problem = str(error).strip().partition("\n")[0]  # what follows is advice on Hamilton
        raise DefinitionError(f"the functions in {names} make no graph: {problem}") from error


def describe_graph(
    contract: Contract, nodes: Mapping[str, Node], targets: Mapping[str, str]
) -> Graph:
    """Return a description of the nodes that run, in their order; targets map to nodes."""
    inputs = {declared.name: _what_is_read(declared) for declared in contract.inputs}
    params = {param.name: param.description for param in contract.params}
    parted = {each.name: f"Partitioned by {each.partitioning}." for each in contract.partitioned}
    target_of = {node: target for target, node in targets.items()}
    described = []
    for name, node in nodes.items():
        if name in inputs:
            described.append(_outside(node, "input", inputs[name]))
        elif name in params:
            described.append(_outside(node, "param", params[name]))
        else:
            known = tuple(
                dependency.name for dependency in node.dependencies if dependency.name in nodes
            )
            target = target_of.get(name)
            described.append(_function(node, known, target, parted.get(target or "", "")))
    return Graph(time.time(), tuple(described))


def _what_is_read(read: Input) -> str:
    if read.filter_column is None:
        return read.table.description
    return (
        f"{read.table.description} For an interval, only the rows with {read.filter_column} in it."
    )


def _outside(node: Node, kind: Literal["input", "param"], description: str) -> GraphNode:
    return GraphNode(node.name, kind, _type(node), description, ())


def _function(
    node: Node, dependencies: tuple[str, ...], target: str | None, addition: str
) -> GraphNode:
    source = source_of(function_of(node))
    description = " ".join([_role(node), *(node.documentation or "").split(), *addition.split()])
    return GraphNode(
        node.name,
        "function",
        _type(node),
        description.strip(),
        dependencies,
        target,
        source.function,
        source.file,
        source.line,
    )


def _role(node: Node) -> str:
    """Say what Hamilton made a node for, if it made several of a function with checks."""
    if CHECKS in node.tags and (check := check_of(node)):
        return f"Checks {check.subject!r}, {_CONSEQUENCE[check.level]}."
    for dependency in node.dependencies:
        if (
            CHECKS in dependency.tags
            and (check := check_of(dependency))
            and check.subject == node.name
        ):
            return "Once it has passed its checks:"
    return ""


def _type(node: Node) -> str:
    return get_type_as_string(node.type) or ""
