"""Escape control characters and newlines in a runner's answers: what a runner sends is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from isthmus_contracts.formatting import printable, printable_lines
from isthmus_contracts.protocol import Answer, RunFailure

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


def sanitize_answer(answer: A) -> A:
    """Return the answer with control characters and newlines in each of its texts escaped.

    Only a traceback keeps its lines.
    """
    return _sanitize(answer)


def _sanitize(value: T) -> T:
    """Escape the texts in dataclasses, tuples and mappings, at any depth."""
    if isinstance(value, str):
        return printable(value)  # type: ignore[return-value] # mypy does not narrow T
    if isinstance(value, tuple):
        return tuple(map(_sanitize, value))  # type: ignore[return-value] # as above
    if isinstance(value, Mapping):
        return {_sanitize(key): _sanitize(item) for key, item in value.items()}  # type: ignore[return-value] # as above
    if is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _sanitize(getattr(value, field.name)) for field in fields(value)}
        if isinstance(value, RunFailure) and value.traceback is not None:
            changes["traceback"] = printable_lines(value.traceback)
        return replace(value, **changes)
    return value
