"""What is to run: the nodes that targets need, each after its dependencies."""

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
_MOST_RETRIES = 20
_LONGEST_WAIT = 3600


class Step(NamedTuple):
    """Hold a function to call, with the names of what it takes that is there by then.

    `waits` are the seconds to wait before each further try. A step that is a check says what it is.
    """

    name: str
    node: Node
    needs: tuple[str, ...]
    function: Callable[..., Any]  # whatever an author wrote
    waits: tuple[float, ...]
    check: Check | None = None

    @property
    def is_derived(self) -> bool:
        """Say whether it only takes apart, or checks, what the same function made."""
        before = self.node.dependencies
        if len(before) != 1 and not any(CHECKS in each.tags for each in before):
            return False
        functions = self.node.originating_functions
        return bool(functions) and all(each.originating_functions == functions for each in before)


def function_of(node: Node) -> Callable[..., object]:
    """Return the function that an author wrote for the node."""
    functions: tuple[Callable[..., object], ...] | None = node.originating_functions
    return functions[0] if functions else node.callable


def ordered_nodes(
    graph: FunctionGraph, targets: Iterable[str], given: Collection[str]
) -> dict[str, Node]:
    """Return the nodes that `targets` need by name, each after its dependencies.

    What is `given` needs nothing; an optional dependency that is not given is left out. There is no
    recursion, hence no limit to a graph's depth.
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
    """Return what is to be called of these nodes, in their order.

    Raise `DefinitionError` for Hamilton's dynamic nodes, whose number is known only at run time,
    and for a retry policy that is none.

    Of a function with checks, its tags are at the node that comes after them, and what is tried
    again is the function itself.
    """
    names = _names_of(graph)
    steps: list[Step] = []
    checks: dict[str, Check] = {}
    for name, node in nodes.items():
        if name in given:
            continue
        if node.node_role in _DYNAMIC:
            raise DefinitionError(
                f"node {name!r} uses Parallelizable or Collect, which no engine here runs; "
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
        elif checks and (passed := [need for need in needs if _checks(checks, need, name)]):
            function = passing([checks[each] for each in passed], passed)
            step = step._replace(function=function, waits=())
            _try_again(steps, checks[passed[0]].raw, waits)
        steps.append(step)
    return steps


def _checks(checks: Mapping[str, Check], name: str, subject: str) -> bool:
    return name in checks and checks[name].subject == subject


def _try_again(steps: list[Step], name: str, waits: tuple[float, ...]) -> None:
    for number, step in enumerate(steps if waits else ()):
        if step.name == name:
            steps[number] = step._replace(waits=waits)


def _names_of(graph: FunctionGraph) -> dict[int, str]:
    """Return the names of nodes by their `id`: `Node.name` joins strings at each access."""
    return {id(node): name for name, node in graph.nodes.items()}


def _waits(name: str, tags: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the seconds before each further try, twice as long each time."""
    try:
        retries = int(tags[_RETRIES])
        wait = float(tags.get(_WAIT, "1"))
    except (TypeError, ValueError):
        retries, wait = -1, 0.0
    if not 0 <= retries <= _MOST_RETRIES or not 0 <= wait <= _LONGEST_WAIT:
        raise DefinitionError(
            f"node {name!r} has the tags {_RETRIES}={tags[_RETRIES]!r} and "
            f"{_WAIT}={tags.get(_WAIT, '1')!r}; right would be a number from 0 to {_MOST_RETRIES}, "
            f"and seconds from 0 to {_LONGEST_WAIT}"
        )
    return tuple(wait * 2**turn for turn in range(retries))
