"""What differs between two ranges, and between two sets of values that a param allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

from isthmus_contracts.dataflows import Metric
from isthmus_contracts.errors import ParamError
from isthmus_contracts.params import Param, PlainValue
from isthmus_contracts.tables import Column
from isthmus_contracts.tools.compatibility.differences import Difference, Place

Bounded: TypeAlias = Column | Metric | Param


def compare_ranges(
    old: Column | Metric, new: Column | Metric, at: Place, kind: str
) -> Iterator[Difference]:
    """Yield what differs between the bounds of two columns or metrics, which may be both."""
    before, after = _shown(old), _shown(new)
    if not _within(new, old):
        yield at.differs(f"{kind}-range-widened", before, after)
    if not _within(old, new):
        yield at.differs(f"{kind}-range-narrowed", before, after)


def compare_allowed(old: Param, new: Param, at: Place) -> Iterator[Difference]:
    """Yield what differs between the values that two params of one type allow.

    Of an array or object, these are the values in it.
    """
    refused, allowed = not _allows(new, old), not _allows(old, new)
    if refused:
        yield at.differs("param-narrowed", old.allowed, new.allowed)
    if allowed:
        yield at.differs("param-widened", old.allowed, new.allowed)
    if not refused and not allowed and _stated(old) != _stated(new):
        yield at.differs("param-restated", _stated(old), _stated(new))


def _allows(param: Param, other: Param) -> bool:
    """Return whether `param` allows every value that `other` does."""
    values = _values(other)
    if values is not None and (param.choices or other.choices):
        return all(_is_allowed(param, value) for value in values)
    return not param.choices and _within(other, param)


def _values(param: Param) -> Iterator[PlainValue] | None:
    """Return the values that a param allows, or nothing if there is no end of them."""
    if param.choices:
        return iter(param.choices)
    if param.plain_type == "boolean":
        return iter((False, True))
    if param.plain_type == "integer" and param.minimum is not None and param.maximum is not None:
        return iter(range(math.ceil(param.minimum), math.floor(param.maximum) + 1))
    return None


def _is_allowed(param: Param, value: PlainValue) -> bool:
    try:
        param.check_plain(value)
    except ParamError:
        return False
    return True


def _within(inner: Bounded, outer: Bounded) -> bool:
    return (
        outer.minimum is None or (inner.minimum is not None and inner.minimum >= outer.minimum)
    ) and (outer.maximum is None or (inner.maximum is not None and inner.maximum <= outer.maximum))


def _shown(bounded: Bounded) -> str:
    bounds = (("from", bounded.minimum), ("to", bounded.maximum))
    return " ".join(f"{word} {bound}" for word, bound in bounds if bound is not None) or "any"


def _stated(param: Param) -> str:
    hidden = param.choices and (param.minimum is not None or param.maximum is not None)
    return f"{param.allowed}, {_shown(param)}" if hidden else param.allowed
