"""Steps: the nodes that targets need, each after its dependencies, with what to call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from hamilton.graph import FunctionGraph
from hamilton.node import Node

from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.checks.hamilton import CHECKS, Check, check_of, passing, validating
from isthmus_transforms.runtime.graph.origin import is_made_by_hamilton
from isthmus_transforms.runtime.graph.retries import waits_of


class Step(NamedTuple):
    """A function to call, with the names of the values that it takes.

    `waits` are the seconds before each retry. `check` is there if the step runs a check.
    """

    name: str
    node: Node
    needs: tuple[str, ...]
    function: Callable[..., Any]  # an author's function
    waits: tuple[float, ...]
    check: Check | None = None

    @property
    def is_derived(self) -> bool:
        """Return whether the step only passes on or checks a value, with code of Hamilton's."""
        return is_made_by_hamilton(self.node)


def ordered_nodes(
    graph: FunctionGraph, targets: Iterable[str], given: Collection[str]
) -> dict[str, Node]:
    """Return the nodes that `targets` need by name, each after its dependencies.

    Nodes in `given` need nothing; an optional dependency that is not given is left out. Raise
    `DefinitionError` for nodes that need each other. The search is not recursive, so the depth of a
    graph has no limit.
    """
    names = _names_of(graph)
    ordered: dict[str, Node] = {}
    opened: set[str] = set()
    stack = [(name, graph.nodes[name]) for name in reversed(list(dict.fromkeys(targets)))]
    while stack:
        name, node = stack[-1]
        if name in ordered:
            stack.pop()
        elif name in opened or node.user_defined or name in given:
            stack.pop()
            if not node.user_defined or name in given:
                ordered[name] = node
        else:
            opened.add(name)
            for dependency in reversed(node.dependencies):
                needed = names[id(dependency)]
                if needed in ordered:
                    continue
                if needed in opened:
                    raise DefinitionError(f"nodes {needed!r} and {name!r} need each other")
                stack.append((needed, dependency))
    return ordered


def steps_of(graph: FunctionGraph, nodes: Mapping[str, Node], given: Collection[str]) -> list[Step]:
    """Return a step for each of these nodes that is not given, in their order."""
    names = _names_of(graph)
    steps: list[Step] = []
    checks: dict[str, Check] = {}
    for name, node in nodes.items():
        if name in given:
            continue
        needs = [
            need for dependency in node.dependencies if (need := names[id(dependency)]) in nodes
        ]
        step = Step(name, node, tuple(needs), node.callable, waits_of(node))
        if CHECKS in node.tags and (check := check_of(node)):
            checks[name] = check
            step = step._replace(function=validating(check, node.callable), check=check)
        elif checks and (passed := [need for need in needs if _is_check_of(checks, need, name)]):
            step = step._replace(function=passing([checks[need] for need in passed], passed))
        steps.append(step)
    return steps


def _is_check_of(checks: Mapping[str, Check], name: str, subject: str) -> bool:
    return name in checks and checks[name].subject == subject


def _names_of(graph: FunctionGraph) -> dict[int, str]:
    """Return the name of each node by its `id`: `Node.name` joins strings on each access."""
    return {id(node): name for name, node in graph.nodes.items()}
