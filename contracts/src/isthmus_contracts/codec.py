"""Frozen dataclasses as JSON and back, strictly: an unknown field or a wrong type is an error."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import (
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from isthmus_contracts.errors import ProtocolError

T = TypeVar("T")
_Hint: TypeAlias = Any  # the typing module gives its hints no common type
_SHOWN_CHARACTERS = 60


class _Dataclass(Protocol):
    """Stand for any instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]  # as the standard library declares it


@overload
def to_plain(value: _Dataclass) -> dict[str, object]: ...
@overload
def to_plain(value: object) -> object: ...
def to_plain(value: object) -> object:
    """Return `value` as dicts, lists and scalars, ready for `json.dumps`."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(each) for each in value]
    return value


def from_plain(cls: type[T], value: object, where: str | None = None) -> T:
    """Return the `cls` that `to_plain` made `value` from.

    Raise `ProtocolError` naming the place for a field that is missing, unknown or of another type.
    """
    place = where or cls.__name__
    hint: _Hint = cls
    if not isinstance(value, Mapping):
        raise ProtocolError(place, f"expected an object, got {_shown(value)}")
    hints = _hints(hint)
    unknown = [name for name in value if name not in hints]
    if unknown:
        known = ", ".join(repr(name) for name in hints)
        raise ProtocolError(place, f"unknown field {unknown[0]!r}; known: {known}")
    missing = [name for name in _required(hint) if name not in value]
    if missing:
        raise ProtocolError(place, f"field {missing[0]!r} is missing")
    decoded = {name: _decode(hints[name], each, f"{place}.{name}") for name, each in value.items()}
    return cls(**decoded)


@cache
def _hints(cls: _Hint) -> dict[str, _Hint]:
    return get_type_hints(cls)


@cache
def _required(cls: _Hint) -> tuple[str, ...]:
    return tuple(
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    )


def _decode(hint: _Hint, value: object, where: str) -> object:
    origin: _Hint = get_origin(hint)
    arguments = get_args(hint)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, value, where)
    if origin is Literal:
        if value in arguments and isinstance(value, str):
            return value
        known = ", ".join(repr(each) for each in arguments)
        raise ProtocolError(where, f"expected one of {known}, got {_shown(value)}")
    if origin is tuple:
        if not isinstance(value, list):
            raise ProtocolError(where, f"expected a list, got {_shown(value)}")
        return tuple(_decode(arguments[0], each, f"{where}[{i}]") for i, each in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ProtocolError(where, f"expected an object, got {_shown(value)}")
        return {key: _decode(arguments[1], each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return from_plain(hint, value, where)
    return _decode_scalar(hint, value, where)


def _decode_union(choices: tuple[_Hint, ...], value: object, where: str) -> object:
    for choice in choices:
        if choice is type(None):
            if value is None:
                return None
        elif not is_dataclass(choice) and get_origin(choice) is None and type(value) is choice:
            return value
    rest = [choice for choice in choices if choice is not type(None)]
    if len(rest) == 1:
        return _decode(rest[0], value, where)
    known = ", ".join(choice.__name__ for choice in rest)
    raise ProtocolError(where, f"expected one of {known}, got {_shown(value)}")


def _decode_scalar(hint: _Hint, value: object, where: str) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ProtocolError(where, "expected float, got an integer beyond it") from None
    if type(value) is not hint:
        raise ProtocolError(where, f"expected {hint.__name__}, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
