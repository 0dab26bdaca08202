"""The rule that every pair of declared bounds follows."""

from __future__ import annotations

import math

from isthmus_contracts.errors import DeclarationError


def check_bounds(what: str, minimum: float | None, maximum: float | None) -> None:
    """Raise `DeclarationError` unless the bounds are finite and leave something between them."""
    for bound in (minimum, maximum):
        if bound is not None and not math.isfinite(bound):
            raise DeclarationError(f"{what} has bound {bound}, which is not a finite number")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise DeclarationError(f"{what} has minimum {minimum} above maximum {maximum}")
