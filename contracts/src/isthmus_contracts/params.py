"""Params: the values that a person or a schedule chooses for one run of a dataflow."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, TypeAlias

from isthmus_contracts._bounds import check_bounds
from isthmus_contracts._names import check_name, check_unique
from isthmus_contracts.errors import DeclarationError, ParamError, UnknownNameError
from isthmus_contracts.formatting import shown_number

PlainValue: TypeAlias = str | int | float | bool
ParamValue: TypeAlias = PlainValue | list[PlainValue] | dict[str, PlainValue]
PlainType: TypeAlias = Literal["string", "integer", "number", "boolean"]
ParamType: TypeAlias = Literal["string", "integer", "number", "boolean", "array", "object"]

_PYTHON_TYPES: Mapping[PlainType, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_WITH_VALUES = ("array", "object")
_TYPES = (*_PYTHON_TYPES, *_WITH_VALUES)


@dataclass(frozen=True, slots=True)
class Param:
    """Declare one value of a run: a field of Airflow's trigger form, config for Hamilton.

    An array is a list, and an object is a dict whose keys are texts. `of` is the type of the values
    in it, by default any plain type; bounds and choices apply to each of these values.
    """

    name: str
    type: ParamType
    default: ParamValue = field(hash=False)  # lists and dicts have no hash
    description: str
    _: KW_ONLY
    of: PlainType | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[PlainValue, ...] = ()

    def __post_init__(self) -> None:
        check_name("param", self.name)
        self._check_types()
        check_bounds(f"param {self.name!r}", self.minimum, self.maximum)
        check_unique(f"choice of param {self.name!r}", map(str, self.choices))
        try:
            for value in self.choices:
                self.check_plain(value)
            object.__setattr__(self, "default", self.check(self.default))
        except ParamError as error:
            raise DeclarationError(f"a declared value breaks its own rule: {error}") from None

    def _check_types(self) -> None:
        for given, known in ((self.type, _TYPES), (self.of or "string", _PYTHON_TYPES)):
            if given not in known:
                names = ", ".join(map(repr, known))
                raise DeclarationError(f"param {self.name!r} has type {given!r}; known: {names}")
        if self.of and self.type not in _WITH_VALUES:
            raise DeclarationError(f"param {self.name!r} has type {self.type}, which has no values")
        bounded = self.minimum is not None or self.maximum is not None
        if self.plain_type is None and (bounded or self.choices):
            raise DeclarationError(
                f"param {self.name!r} has bounds or choices, and values of any type; give the type "
                "of its values with `of`"
            )
        if bounded and self.plain_type not in ("integer", "number"):
            raise DeclarationError(
                f"param {self.name!r} has type {self.plain_type}, which has no bounds"
            )

    @property
    def plain_type(self) -> PlainType | None:
        """Return the type of the value, or of the values in it; None is any."""
        match self.type:
            case "array" | "object":
                return self.of
            case plain:
                return plain

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed, as in `integer from 1 to 12`."""
        plain = self._allowed_plain
        return f"{self.type}, each value: {plain}" if self.type in _WITH_VALUES else plain

    @property
    def _allowed_plain(self) -> str:
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        bounds = [
            f"{word} {shown_number(bound)}"
            for word, bound in (("from", self.minimum), ("to", self.maximum))
            if bound is not None
        ]
        return " ".join([self.plain_type or "string, number or boolean", *bounds])

    def check(self, value: object) -> ParamValue:
        """Return `value` if this param allows it; a list or dict is returned as a copy.

        Raise `ParamError` otherwise. `True` is not an integer, and 1 is not a boolean.
        """
        if self.type == "array" and isinstance(value, list | tuple):
            return [self.check_plain(part, f"[{i}]") for i, part in enumerate(value)]
        if (
            self.type == "object"
            and isinstance(value, Mapping)
            and all(isinstance(key, str) for key in value)
        ):
            return {key: self.check_plain(part, f".{key}") for key, part in value.items()}
        if self.type in _WITH_VALUES:
            raise ParamError(self.name, value, self.allowed)
        return self.check_plain(value)

    def check_plain(self, value: object, place: str = "") -> PlainValue:
        """Return a plain value, or one of the values in a list or dict, if it is allowed.

        Raise `ParamError` otherwise, with the `place` of the value behind the name of the param.
        """
        kinds = (str, int, float) if self.plain_type is None else _PYTHON_TYPES[self.plain_type]
        if (
            not isinstance(value, str | int | float)
            or not isinstance(value, kinds)
            or (self.plain_type and isinstance(value, bool) is not (self.plain_type == "boolean"))
            or (isinstance(value, float) and not math.isfinite(value))
            or (self.choices and value not in self.choices)
        ):
            raise ParamError(f"{self.name}{place}", value, self._allowed_plain)
        if not isinstance(value, str) and (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
        ):
            raise ParamError(f"{self.name}{place}", value, self._allowed_plain)
        return value

    def parse(self, text: str) -> ParamValue:
        """Return the value that a person typed as `text`, or raise `ParamError`.

        An array or object is typed as JSON.
        """
        match self.type:
            case "array" | "object":
                return self._parse_json(text)
            case "boolean":
                return self.check({"true": True, "false": False}.get(text.lower(), text))
            case plain:
                try:
                    return self.check(_PYTHON_TYPES[plain][-1](text))
                except ValueError:
                    raise ParamError(self.name, text, self.allowed) from None

    def _parse_json(self, text: str) -> ParamValue:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            as_json = f"{self.allowed}; written as JSON, such as {param_text(self.default)}"
            raise ParamError(self.name, text, as_json) from None
        return self.check(value)


def param_text(value: ParamValue) -> str:
    """Return the text that `Param.parse` reads as this value.

    >>> param_text("JFK"), param_text(["JFK"]), param_text(True)
    ('JFK', '["JFK"]', 'true')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def resolve_params(params: tuple[Param, ...], given: Mapping[str, object]) -> dict[str, ParamValue]:
    """Return the value of every param: the given one, else its default.

    Raise `UnknownNameError` for a name that is not declared, `ParamError` for a value that is not
    allowed.
    """
    known = [param.name for param in params]
    for name in given:
        if name not in known:
            raise UnknownNameError("param", name, known)
    return {param.name: param.check(given.get(param.name, param.default)) for param in params}
