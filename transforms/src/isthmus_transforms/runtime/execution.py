"""Running a graph: one function after another, in order of dependencies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

import pandas as pd
from hamilton import driver
from hamilton.graph import FunctionGraph
from hamilton.node import Node, NodeType

from isthmus_contracts.protocol import Event, NodeFailed, NodeFinished, NodeStarted
from isthmus_transforms.errors import DefinitionError, NodeError
from isthmus_transforms.runtime.source import failing_line, source_of

_LONGEST_MESSAGE = 10_000

Listener: TypeAlias = Callable[[Event], None]


def required_nodes(
    graph: FunctionGraph, targets: Iterable[str], given: Collection[str]
) -> list[Node]:
    """Return the nodes that `targets` need, each after its dependencies.

    What is `given` needs nothing; an optional dependency that is not given is left out. There is no
    recursion, hence no limit to a graph's depth.
    """
    ordered: dict[str, Node] = {}
    opened: set[str] = set()
    stack = [graph.nodes[name] for name in reversed(list(dict.fromkeys(targets)))]
    while stack:
        node = stack[-1]
        name = node.name
        if name in ordered:
            stack.pop()
        elif name in opened or name in given or node.user_defined:
            stack.pop()
            if name in given or not node.user_defined:
                ordered[name] = node
        else:
            opened.add(name)
            waiting = [each for each in reversed(node.dependencies) if each.name not in ordered]
            for each in waiting:
                if each.name in opened:
                    raise DefinitionError(f"nodes {each.name!r} and {name!r} need each other")
            stack += waiting
    return list(ordered.values())


class SequentialExecutor(driver.GraphExecutor):  # type: ignore[misc] # Hamilton is untyped
    """Run each function when what it needs is there, and forget a result after its last use."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen

    def validate(self, nodes_to_execute: list[Node]) -> None:
        """Refuse Hamilton's dynamic nodes, whose number is known only at run time."""
        for node in nodes_to_execute:
            if node.node_role in (NodeType.EXPAND, NodeType.COLLECT):
                raise DefinitionError(
                    f"node {node.name!r} uses Parallelizable or Collect, which this engine does "
                    "not run; loop inside the function instead"
                )

    def execute(
        self,
        fg: FunctionGraph,
        final_vars: list[Any],  # Hamilton's signature
        overrides: dict[str, Any],
        inputs: dict[str, Any],
        run_id: str,  # noqa: ARG002 - Hamilton's signature
    ) -> dict[str, Any]:
        """Return the value of every target; raise `NodeError` for a function that raises."""
        values = {**inputs, **overrides}
        nodes = required_nodes(fg, final_vars, values.keys())
        self.validate(nodes)
        uses = Counter(each.name for node in nodes for each in node.dependencies)
        uses.update(final_vars)
        for node in nodes:
            if node.name in values:
                continue
            names = [each.name for each in node.dependencies]
            arguments = {name: values[name] for name in names if name in values}
            values[node.name] = self._call(node, arguments)
            for name in names:
                uses[name] -= 1
                if not uses[name]:
                    values.pop(name, None)
        return {name: values[name] for name in final_vars}

    def _call(self, node: Node, arguments: Mapping[str, object]) -> object:
        name = node.name
        self._listen(NodeStarted(time.time(), name))
        start = time.perf_counter()
        try:
            value = node.callable(**arguments)
        except BaseException as error:
            seconds = time.perf_counter() - start
            self._listen(NodeFailed(time.time(), name, seconds, type(error).__name__))
            # A function that exits has not computed its node, whatever status it gives.
            if isinstance(error, Exception | SystemExit):
                raise _node_error(node, error) from error
            raise
        seconds = time.perf_counter() - start
        self._listen(NodeFinished(time.time(), name, seconds, *_size(value)))
        return value


def function_of(node: Node) -> Callable[..., object]:
    """Return the function that an author wrote for the node."""
    functions: tuple[Callable[..., object], ...] | None = node.originating_functions
    return functions[0] if functions else node.callable


def _node_error(node: Node, error: BaseException) -> NodeError:
    function = function_of(node)
    source = source_of(function)
    return NodeError(
        node.name,
        source.function,
        source.file,
        failing_line(function, error.__traceback__),
        _text_of(error),
    )


def _text_of(error: BaseException) -> str:
    """Return an exception's type and message, even if its message cannot be had or has no end."""
    try:
        message = str(error)
    except Exception as second:  # noqa: BLE001 - an author's `__str__` may do anything
        message = f"its message cannot be shown, for that raises {type(second).__name__}"
    return f"{type(error).__name__}: {message[:_LONGEST_MESSAGE]}"


def _size(value: object) -> tuple[int | None, int | None, int | None]:
    """Return rows, columns and bytes of a value, as far as it has them."""
    if isinstance(value, pd.DataFrame):
        return len(value), len(value.columns), int(value.memory_usage(index=False).sum())
    if isinstance(value, pd.Series):
        return len(value), None, int(value.memory_usage(index=False))
    if isinstance(value, bytes | str):
        return None, None, len(value)
    size = getattr(value, "nbytes", None)
    return None, None, size if isinstance(size, int) else None
