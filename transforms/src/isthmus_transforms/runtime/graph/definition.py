"""Checks that functions take what their contract gives them, and that they can be called."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import pandas as pd
from hamilton.graph import FunctionGraph
from hamilton.htypes import types_match
from hamilton.node import DependencyType, Node, NodeType

from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts import Param
from isthmus_transforms.errors import DefinitionError
from isthmus_transforms.runtime.code_location import location_of
from isthmus_transforms.runtime.graph.origin import called_by, function_of

_PLAIN = {"string": str, "integer": int, "number": float, "boolean": bool}
_DYNAMIC = (NodeType.EXPAND, NodeType.COLLECT)


def check_functions(contract: Contract, graph: FunctionGraph, nodes: Iterable[Node]) -> None:
    """Raise `DefinitionError` for the first of these nodes whose function cannot be called.

    It may take an unknown name, or an input or param as something that it is not; it may be
    `async`, or use `Parallelizable` or `Collect`.
    """
    inputs = {declared.name for declared in contract.inputs}
    params = {param.name: param for param in contract.params}
    computed = {name for name, node in graph.nodes.items() if not node.user_defined}
    for node in nodes:
        if problem := _problem(node) or _problem_of_arguments(node, inputs, params, computed):
            raise DefinitionError(f"{location_of(function_of(node))} {problem}")


def _problem(node: Node) -> str | None:
    if node.node_role in _DYNAMIC:
        return (
            "uses Parallelizable or Collect, which no engine supports; "
            "loop inside the function instead"
        )
    if any(_is_async(function) for function in (node.callable, *called_by(node))):
        return (
            "is async, which no engine supports yet; write it without `async`, for example with "
            "asyncio.run() inside"
        )
    return None


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _problem_of_arguments(
    node: Node, inputs: Iterable[str], params: Mapping[str, Param], computed: Iterable[str]
) -> str | None:
    for name, (annotation, kind) in node.input_types.items():
        if name in inputs:
            if not _accepts(annotation, [pd.DataFrame]) and not _is_kind_of_frame(annotation):
                return (
                    f"takes input {name!r} as {_shown(annotation)}; "
                    "inputs are given as pandas.DataFrame"
                )
        elif name in params:
            if not _accepts_param(annotation, params[name]):
                found = params[name]
                return (
                    f"takes param {name!r} as {_shown(annotation)}; "
                    f"the contract says {found.allowed}, which is given as {_shown(_given(found))}"
                )
        elif name not in computed and kind is DependencyType.REQUIRED:
            close = get_close_matches(name, [*computed, *inputs, *params], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            return f"takes {name!r}, which is not a function, input or param{hint}"
    return None


def _given(param: Param) -> type:
    """Return the type of a param's values; a `number` may be an integer as well."""
    return float if param.type == "number" else type(param.default)


def _accepts_param(annotation: object, param: Param) -> bool:
    """Return whether each value of the param is one of the annotation's."""
    given, origin = _given(param), typing.get_origin(annotation)
    if param.type not in ("array", "object"):
        return _accepts(annotation, _kinds(given), param.choices)
    if param.of and isinstance(origin, type) and issubclass(given, origin):
        return _accepts(typing.get_args(annotation)[-1], _kinds(_PLAIN[param.of]), param.choices)
    return _accepts(annotation, [given])


def _kinds(given: type) -> list[type]:
    return [given, float] if given is int else [given]


def _accepts(annotation: object, kinds: list[type], choices: tuple[object, ...] = ()) -> bool:
    """Return whether the annotation allows a value of one of these types, and any of the choices.

    What says nothing about the type is accepted, as a `TypeVar` is.
    """
    annotation = getattr(annotation, "__supertype__", annotation)  # of a NewType
    annotation = getattr(annotation, "__value__", annotation)  # of `type Name = ...`
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _accepts(typing.get_args(annotation)[0], kinds, choices)
    if origin is typing.Literal:
        return bool(choices) and set(choices) <= set(typing.get_args(annotation))
    if origin in {typing.Union, types.UnionType}:
        return any(_accepts(member, kinds, choices) for member in typing.get_args(annotation))
    try:
        return isinstance(annotation, typing.TypeVar) or any(
            types_match(annotation, kind) for kind in kinds
        )
    except TypeError:  # of a Protocol, which cannot be compared with a class
        return True


def _is_kind_of_frame(annotation: object) -> bool:
    """Return whether the annotation is a narrower frame, as pandera's with a schema is."""
    kind = typing.get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, pd.DataFrame)


def _shown(annotation: object) -> str:
    is_plain = isinstance(annotation, type) and not typing.get_args(annotation)
    return annotation.__name__ if is_plain else str(annotation)  # type: ignore[attr-defined]
