"""Steps: the nodes that targets need, each after its dependencies, with what to call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from hamilton.graph import FunctionGraph
from hamilton.node import Node, NodeType

from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.checks.hamilton import CHECKS, Check, check_of, passing, validating

_DYNAMIC = (NodeType.EXPAND, NodeType.COLLECT)
_RETRIES = "retries"
_WAIT = "retry_wait_seconds"
_MAX_RETRIES = 20
_MAX_WAIT = 3600


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
        """Return whether the step only extracts or checks a part of its function's result."""
        dependencies = self.node.dependencies
        if len(dependencies) != 1 and not any(CHECKS in node.tags for node in dependencies):
            return False
        functions = self.node.originating_functions
        # Hamilton names the function that takes an input as the origin of the input, too.
        return bool(functions) and all(
            node.originating_functions == functions and not node.user_defined
            for node in dependencies
        )


def function_of(node: Node) -> Callable[..., object]:
    """Return the author's function behind the node."""
    functions: tuple[Callable[..., object], ...] | None = node.originating_functions
    return functions[0] if functions else node.callable


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
    """Return a step for each of these nodes that is not given, in their order.

    Raise `DefinitionError` for Hamilton's dynamic nodes, whose number is known only at run time,
    and for retry tags out of range.

    Hamilton puts the tags of a function with checks on the node after its checks; the retries apply
    to the function itself.
    """
    names = _names_of(graph)
    steps: list[Step] = []
    checks: dict[str, Check] = {}
    for name, node in nodes.items():
        if name in given:
            continue
        if node.node_role in _DYNAMIC:
            raise DefinitionError(
                f"node {name!r} uses Parallelizable or Collect, which no engine supports; "
                "loop inside the function instead"
            )
        needs = [
            need for dependency in node.dependencies if (need := names[id(dependency)]) in nodes
        ]
        tags = node.tags
        waits = _waits(name, tags) if _RETRIES in tags else ()
        step = Step(name, node, tuple(needs), node.callable, waits)
        if CHECKS in tags and (check := check_of(node)):
            checks[name] = check
            step = step._replace(function=validating(check, node.callable), waits=(), check=check)
        elif checks and (passed := [need for need in needs if _is_check_of(checks, need, name)]):
            function = passing([checks[need] for need in passed], passed)
            step = step._replace(function=function, waits=())
            _move_retries(steps, checks[passed[0]].raw, waits)
        steps.append(step)
    return steps


def _is_check_of(checks: Mapping[str, Check], name: str, subject: str) -> bool:
    return name in checks and checks[name].subject == subject


def _move_retries(steps: list[Step], name: str, waits: tuple[float, ...]) -> None:
    """Retry the step called `name`, whose checks have these waits in their tags."""
    for number, step in enumerate(steps if waits else ()):
        if step.name == name:
            steps[number] = step._replace(waits=waits)


def _names_of(graph: FunctionGraph) -> dict[int, str]:
    """Return the name of each node by its `id`: `Node.name` joins strings on each access."""
    return {id(node): name for name, node in graph.nodes.items()}


def _waits(name: str, tags: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the seconds before each retry; each wait is twice as long as the one before."""
    try:
        retries = int(tags[_RETRIES])
        wait = float(tags.get(_WAIT, "1"))
    except (TypeError, ValueError):
        retries, wait = -1, 0.0
    if not 0 <= retries <= _MAX_RETRIES or not 0 <= wait <= _MAX_WAIT:
        raise DefinitionError(
            f"node {name!r} has the tags {_RETRIES}={tags[_RETRIES]!r} and "
            f"{_WAIT}={tags.get(_WAIT, '1')!r}; expected a number from 0 to {_MAX_RETRIES}, "
            f"and seconds from 0 to {_MAX_WAIT}"
        )
    return tuple(wait * 2**retry for retry in range(retries))
