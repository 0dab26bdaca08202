"""Frozen dataclasses as JSON and back, strictly: an unknown field or a wrong type is an error.

A field that came later says so, `field(default=None, metadata=since(2))`: an older version does not
know it, so it is neither written in that version nor read. Where it is needed, that is an error.
"""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from functools import cache
from typing import (
    Any,
    ClassVar,
    Literal,
    NoReturn,
    Protocol,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from isthmus_contracts._days import parse_day
from isthmus_contracts.errors import ContractError, ProtocolError
from isthmus_contracts.formatting import shown, unknown_name

T = TypeVar("T")
_Hint: TypeAlias = Any  # the typing module gives its hints no common type
_NEWEST = sys.maxsize
_SCALARS = frozenset({str, int, float, bool, type(None)})


class _Dataclass(Protocol):
    """Stand for any instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]  # as the standard library declares it


def parse_json(text: str) -> object:
    """Return what the JSON text says; raise `ValueError` for a number that no float holds, too."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} does not fit in a float")
    return number


def since(version: int, *, needed: bool = True) -> Mapping[str, int]:
    """Return the metadata of a field that no version before this one has; it needs a default.

    One that is not `needed` is left out in older versions, whatever it says.
    """
    return {"since": version, "needed": needed}


@overload
def serialize(value: _Dataclass, version: int = _NEWEST) -> dict[str, object]: ...
@overload
def serialize(value: object, version: int = _NEWEST) -> object: ...
def serialize(value: object, version: int = _NEWEST) -> object:
    """Return `value` as dicts, lists and scalars, ready for `json.dumps`.

    Raise `ProtocolError` if it holds more than a default where the version has no field.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if is_dataclass(kind):
        known, later = _fields(kind, version)
        for field_ in later:
            if field_.metadata["needed"] and getattr(value, field_.name) != field_.default:
                raise ProtocolError(
                    f"{kind.__name__}.{field_.name}",
                    f"version {version} has no such field, and it is needed; both sides have to "
                    f"speak version {field_.metadata['since']}",
                )
        return {name: serialize(getattr(value, name), version) for name in known}
    if isinstance(value, Mapping):
        return {str(key): serialize(part, version) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [serialize(part, version) for part in value]
    return str(value) if isinstance(value, date) else value


@cache
def _fields(cls: _Hint, version: int) -> tuple[tuple[str, ...], tuple[Field[object], ...]]:
    """Return the names of the fields that a version has, and the fields that came later."""
    later = _later(cls, version)
    return tuple(field_.name for field_ in fields(cls) if field_ not in later), tuple(later)


def deserialize(cls: type[T], value: object, where: str | None = None, version: int = _NEWEST) -> T:
    """Return the `cls` that `serialize` made `value` from.

    Raise `ProtocolError` naming the place for a field that is missing, unknown or of another type,
    and for what the dataclass itself refuses.
    """
    place = where or cls.__name__
    hint: _Hint = cls
    if not isinstance(value, Mapping):
        raise ProtocolError(place, f"expected an object, got {_shown(value)}")
    hints = _hints(hint, version)
    unknown = [name for name in value if name not in hints]
    if unknown:
        raise ProtocolError(place, unknown_name("field", unknown[0], hints))
    missing = [name for name in _required(hint) if name not in value]
    if missing:
        raise ProtocolError(place, f"field {missing[0]!r} is missing")
    decoded = {
        name: _decode(hints[name], part, f"{place}.{name}", version) for name, part in value.items()
    }
    try:
        return cls(**decoded)
    except ContractError as error:
        raise ProtocolError(place, str(error)) from None


def deserialize_field(cls: type, name: str, value: object, where: str) -> object:
    """Return the value of one field of the dataclass `cls`, or raise `ProtocolError`."""
    return _decode(_hints(cls, _NEWEST)[name], value, where, _NEWEST)


@cache
def _later(cls: _Hint, version: int) -> tuple[Field[Any], ...]:
    return tuple(field_ for field_ in fields(cls) if field_.metadata.get("since", 0) > version)


@cache
def _hints(cls: _Hint, version: int) -> dict[str, _Hint]:
    later = {field_.name for field_ in _later(cls, version)}
    hints = get_type_hints(cls)
    return {field_.name: hints[field_.name] for field_ in fields(cls) if field_.name not in later}


@cache
def _required(cls: _Hint) -> tuple[str, ...]:
    return tuple(
        field_.name
        for field_ in fields(cls)
        if field_.default is MISSING and field_.default_factory is MISSING
    )


def _decode(hint: _Hint, value: object, where: str, version: int) -> object:
    origin: _Hint = get_origin(hint)
    arguments = get_args(hint)
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, value, where, version)
    if origin is Literal:
        if value in arguments and isinstance(value, str):
            return value
        known = ", ".join(repr(argument) for argument in arguments)
        raise ProtocolError(where, f"expected one of {known}, got {_shown(value)}")
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise ProtocolError(where, f"expected a list, got {_shown(value)}")
        return origin(
            _decode(arguments[0], part, f"{where}[{i}]", version) for i, part in enumerate(value)
        )
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ProtocolError(where, f"expected an object, got {_shown(value)}")
        return {
            key: _decode(arguments[1], part, f"{where}.{key}", version)
            for key, part in value.items()
        }
    if isinstance(hint, type) and is_dataclass(hint):
        return deserialize(hint, value, where, version)
    return _decode_scalar(hint, value, where)


def _decode_union(choices: tuple[_Hint, ...], value: object, where: str, version: int) -> object:
    for choice in choices:
        origin: _Hint = get_origin(choice)
        if choice is type(None):
            if value is None:
                return None
        elif type(value) is origin:
            return _decode(choice, value, where, version)
        elif not is_dataclass(choice) and type(value) is choice:
            return value
    rest = [choice for choice in choices if choice is not type(None)]
    if len(rest) == 1:
        return _decode(rest[0], value, where, version)
    known = ", ".join(choice.__name__ for choice in rest)
    raise ProtocolError(where, f"expected one of {known}, got {_shown(value)}")


def _decode_scalar(hint: _Hint, value: object, where: str) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ProtocolError(where, "expected float, got an integer that does not fit") from None
    if hint is date and isinstance(value, str):
        try:
            return parse_day(value)
        except ValueError:
            raise ProtocolError(
                where, f"expected a day as in '2013-01-31', got {_shown(value)}"
            ) from None
    if type(value) is not hint:
        raise ProtocolError(where, f"expected {hint.__name__}, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return shown(value)
