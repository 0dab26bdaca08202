"""What a runner says is data: what could steer a terminal is shown, and not obeyed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from isthmus_contracts.protocol import Answer

T = TypeVar("T")
A = TypeVar("A", bound=Answer)

# Control characters but tab and newline; what turns the direction of writing; halves of characters.
_STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape(text: str) -> str:
    """Return a text in which characters that steer a terminal are written as escapes."""
    return _STEERING.sub(_shown, text)


def escape_answer(answer: A) -> A:
    """Return an answer all of whose texts are escaped."""
    return _escape_each(answer)


def _escape_each(value: T) -> T:
    """Escape texts in dataclasses, tuples and mappings, however deep."""
    if isinstance(value, str):
        return escape(value)  # type: ignore[return-value] # mypy does not narrow T
    if isinstance(value, tuple):
        return tuple(map(_escape_each, value))  # type: ignore[return-value] # as above
    if isinstance(value, Mapping):
        return {_escape_each(key): _escape_each(each) for key, each in value.items()}  # type: ignore[return-value] # as above
    if is_dataclass(value) and not isinstance(value, type):
        changes = {
            field_.name: _escape_each(getattr(value, field_.name)) for field_ in fields(value)
        }
        return replace(value, **changes)
    return value


def _shown(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
