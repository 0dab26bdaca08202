"""Decoding one section of a deployment file, with every mistake in it."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from isthmus_contracts import ProtocolError, UnknownNameError
from isthmus_contracts.codec import deserialize_field
from isthmus_platform.deployment.settings import SettingsError
from isthmus_platform.errors import DeploymentError, joined

T = TypeVar("T")


def decode_section(cls: type[T], part: object, file: Path, where: str) -> T:
    """Return the section as a `cls`; `${NAME}` in a text stands for an environment variable.

    Raise one `DeploymentError` that reports every mistake in the section.
    """
    if not isinstance(part, Mapping):
        raise DeploymentError(file, where, f"expected a table, got {part!r}")
    values: dict[str, Any] = {}
    mistakes: list[DeploymentError] = []
    for name, value in part.items():
        try:
            values[name] = _field(cls, name, value, file, where)
        except DeploymentError as error:
            mistakes.append(error)
    required = _required(cls)
    missing = [name for name in required if name not in part]
    mistakes += [DeploymentError(file, where, f"field {name!r} is missing") for name in missing]
    wrong = {name for name in (*part, *missing) if name not in values}
    if wrong.isdisjoint(required):
        try:
            section = cls(**values)
        except SettingsError as error:
            mistakes += [
                DeploymentError(file, where, problem)
                for problem in error.problems
                if wrong.isdisjoint(re.findall(r"\w+", problem))  # else it follows from the other
            ]
        else:
            if not mistakes:
                return section
    raise joined(mistakes)


def decode_each(decoders: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Return what each decoder returns, or raise one `DeploymentError` with the mistakes of all."""
    decoded: dict[str, T] = {}
    mistakes: list[DeploymentError] = []
    for name, decode in decoders.items():
        try:
            decoded[name] = decode()
        except DeploymentError as error:
            mistakes.append(error)
    if mistakes:
        raise joined(mistakes)
    return decoded


def _field(cls: type, name: str, value: object, file: Path, where: str) -> object:
    known = [field.name for field in fields(cls)]
    if name not in known:
        raise DeploymentError(file, where, str(UnknownNameError("field", name, known)))
    hint = _hints(cls)[name]
    place = f"{where}.{name}"
    if not isinstance(value, Mapping) or get_origin(hint) is not Mapping:
        return _value(cls, name, value, file, place)
    _, entry_type = get_args(hint)
    if isinstance(entry_type, type) and is_dataclass(entry_type):
        return decode_each(
            {
                key: partial(decode_section, entry_type, entry, file, f"{place}.{key}")
                for key, entry in value.items()
            }
        )
    entries = decode_each(
        {key: partial(_value, cls, name, {key: entry}, file, place) for key, entry in value.items()}
    )
    return {key: entry[key] for key, entry in entries.items()}


def _value(cls: type, name: str, value: object, file: Path, place: str) -> Any:  # noqa: ANN401 - the field's own type
    try:
        return deserialize_field(cls, name, _substituted(value, file, place), place)
    except ProtocolError as error:
        raise DeploymentError(file, error.where, error.problem) from None


def _substituted(value: object, file: Path, place: str) -> object:
    if isinstance(value, Mapping):
        return {name: _substituted(part, file, f"{place}.{name}") for name, part in value.items()}
    if isinstance(value, list):
        return [_substituted(item, file, place) for item in value]
    if not isinstance(value, str):
        return value
    try:
        return string.Template(value).substitute(os.environ)
    except KeyError as error:
        problem = f"environment variable {error.args[0]!r} is not set"
        raise DeploymentError(file, place, problem) from None
    except ValueError:
        problem = f"{value!r} has a $ that no name follows; write $$ for a dollar sign"
        raise DeploymentError(file, place, problem) from None


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _required(cls: type) -> list[str]:
    return [
        field.name
        for field in fields(cls)
        if field.default is MISSING and field.default_factory is MISSING
    ]
