"""Differences: what two catalogs do not have in common, each under the name of its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isthmus_contracts.tools.compatibility.rules import RULES, Effect, Level, Side

_RULES = {(rule.name, rule.side): rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Difference:
    """Report one difference between two catalogs.

    `subject` is the dataflow or dataset, as in `dataflow flight_delays.v1`; `place` is where in it,
    as in `flight_features.carrier`, and empty for the whole. What is new has no `before`, what is
    gone has no `after`.
    """

    rule: str
    side: Side
    subject: str
    place: str
    before: str | None
    after: str | None

    def classified(self, level: Level) -> Effect:
        """Return the class of this difference at that level."""
        return _RULES[self.rule, self.side].classified(level)


@dataclass(frozen=True, slots=True)
class Place:
    """Point at a place of a contract, where something may differ."""

    subject: str
    side: Side
    path: str = ""

    def inside(self, name: str) -> Place:
        """Return the place of that name within this one."""
        return replace(self, path=f"{self.path}.{name}" if self.path else name)

    def differs(self, rule: str, before: object = None, after: object = None) -> Difference:
        """Return a difference at this place."""
        return Difference(rule, self.side, self.subject, self.path, _text(before), _text(after))


def compare_descriptions(old: str, new: str, at: Place) -> Iterator[Difference]:
    """Yield what differs between two descriptions."""
    if old != new:
        yield at.differs("description-changed", old, new)


def compare_optional(
    kind: str, old: str | None, new: str | None, at: Place
) -> Iterator[Difference]:
    """Yield what differs in what may be declared or not."""
    if old != new:
        change = "added" if old is None else "removed" if new is None else "changed"
        yield at.differs(f"{kind}-{change}", old, new)


def compare_orders(old: Sequence[str], new: Sequence[str], at: Place) -> Iterator[Difference]:
    """Yield what differs in the order of the names that both have."""
    before = [before_item for before_item in old if before_item in new]
    after = [name for name in new if name in old]
    if before != after:
        yield at.differs("order-changed", before, after)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return None if value is None else str(value)
