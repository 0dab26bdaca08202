"""What a node calls: functions of an author, or nothing but Hamilton's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from hamilton.node import Node

from isthmus_transforms.runtime.checks.hamilton import CHECKS, validator_of

_HAMILTON = "hamilton."
_PASSING = frozenset(
    {
        "extract_columns.transform_node.<locals>.extractor_fn",
        "extract_fields.transform_node.<locals>.extractor_fn",
        "unpack_fields.transform_node.<locals>.extractor",
        "pipe_output.transform_node.<locals>.__identity",
        "create_identity_node.<locals>.identity",
        "create_static_node.<locals>.node_fn",
        "dataloader.generate_nodes.<locals>.filter_function",
        "LoadFromDecorator.get_loader_nodes.<locals>.filter_function",
        "BaseDataValidationDecorator.transform_node.<locals>.validation_function",
        "BaseDataValidationDecorator.transform_node.<locals>.final_node_callable",
    }
)
"""Hamilton's functions that pass on or check a value, and call no function of an author.

A function that is missing here runs on the engine, which is correct and takes longer.
"""


def called_by(node: Node) -> list[Callable[..., Any]]:
    """Return the functions outside of Hamilton that the node calls."""
    return [function for function in _reached(node.callable) if not _is_hamiltons(function)]


def is_made_by_hamilton(node: Node) -> bool:
    """Return whether the node only passes on or checks a value, with code of Hamilton's own."""
    if CHECKS in node.tags and not _is_hamiltons(type(validator_of(node.callable))):
        return False
    reached = list(_reached(node.callable))
    return bool(reached) and all(map(_is_hamiltons, reached))


def function_of(node: Node) -> Callable[..., Any]:
    """Return the author's function behind the node: the one that it calls, else its origin."""
    origins: tuple[Callable[..., Any], ...] = node.originating_functions or ()
    return next(iter([*called_by(node), *origins]), node.callable)


def _reached(found: object) -> Iterator[FunctionType]:
    """Yield the functions that Hamilton's wrappers around them call, and those of `_PASSING`."""
    if isinstance(found, partial):
        yield from _reached(found.func)
    elif isinstance(found, MethodType):
        yield from _reached(found.__func__)
    elif isinstance(found, Node):
        yield from _reached(found.callable)
    elif isinstance(found, FunctionType):
        if not _is_hamiltons(found) or found.__code__.co_qualname in _PASSING:
            yield found
            return
        cells = (cell.cell_contents for cell in found.__closure__ or ())
        for inner in (*cells, *(found.__defaults__ or ())):
            yield from _reached(inner)


def _is_hamiltons(found: object) -> bool:
    module = (
        found.__globals__.get("__name__", "")
        if isinstance(found, FunctionType)
        else getattr(found, "__module__", "")
    )
    return str(module).startswith(_HAMILTON)
