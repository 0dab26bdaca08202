"""Params: the values that a person or a schedule chooses for one run of a dataflow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from isthmus_contracts._bounds import check_bounds
from isthmus_contracts._names import check_name, check_unique
from isthmus_contracts.errors import DeclarationError, ParamError, UnknownNameError
from isthmus_contracts.formatting import shown_number

ParamValue = str | int | float | bool
ParamType = Literal["string", "integer", "number", "boolean"]

_PYTHON_TYPES: Mapping[ParamType, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


@dataclass(frozen=True, slots=True)
class Param:
    """Declare one value of a run: a field of Airflow's trigger form, config for Hamilton."""

    name: str
    type: ParamType
    default: ParamValue
    description: str
    _: KW_ONLY
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[ParamValue, ...] = ()

    def __post_init__(self) -> None:
        check_name("param", self.name)
        if self.type not in _PYTHON_TYPES:
            raise DeclarationError(
                f"param {self.name!r} has type {self.type!r}; known: "
                + ", ".join(repr(known) for known in _PYTHON_TYPES)
            )
        bounded = self.minimum is not None or self.maximum is not None
        if bounded and self.type not in ("integer", "number"):
            raise DeclarationError(f"param {self.name!r} has type {self.type}, which has no bounds")
        check_bounds(f"param {self.name!r}", self.minimum, self.maximum)
        check_unique(f"choice of param {self.name!r}", map(str, self.choices))
        for value in (*self.choices, self.default):
            try:
                self.check(value)
            except ParamError as error:
                raise DeclarationError(f"a declared value breaks its own rule: {error}") from None

    @property
    def allowed(self) -> str:
        """Say in words which values are allowed, as in `integer from 1 to 12`."""
        if self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        bounds = [
            f"{word} {shown_number(bound)}"
            for word, bound in (("from", self.minimum), ("to", self.maximum))
            if bound is not None
        ]
        return " ".join([self.type, *bounds])

    def check(self, value: object) -> ParamValue:
        """Return `value` if this param allows it.

        Raise `ParamError` otherwise. `True` is not an integer, and 1 is not a boolean.
        """
        if (
            not isinstance(value, str | int | float)
            or isinstance(value, bool) is not (self.type == "boolean")
            or not isinstance(value, _PYTHON_TYPES[self.type])
            or (isinstance(value, float) and not math.isfinite(value))
            or (self.choices and value not in self.choices)
        ):
            raise ParamError(self.name, value, self.allowed)
        if not isinstance(value, str) and (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
        ):
            raise ParamError(self.name, value, self.allowed)
        return value

    def parse(self, text: str) -> ParamValue:
        """Return the value that a person typed as `text`, or raise `ParamError`."""
        if self.type == "boolean":
            return self.check({"true": True, "false": False}.get(text.lower(), text))
        try:
            return self.check(_PYTHON_TYPES[self.type][-1](text))
        except ValueError:
            raise ParamError(self.name, text, self.allowed) from None


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
