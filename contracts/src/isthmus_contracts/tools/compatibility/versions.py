"""Versions: the step that a change demands, and who has to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from isthmus_contracts.catalog import Catalog
from isthmus_contracts.dataflows import Dataset, Identity
from isthmus_contracts.tables import Table
from isthmus_contracts.tools.compatibility.catalogs import Contract, Pair, pairs
from isthmus_contracts.tools.compatibility.differences import Difference
from isthmus_contracts.tools.compatibility.rules import Effect, Level

Step: TypeAlias = Literal["major", "minor", "patch", "none"]

_STEPS: tuple[tuple[Effect, Step], ...] = (
    ("breaking", "major"),
    ("additive", "minor"),
    ("internal", "patch"),
)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Name a dataflow that reads a table, and who answers for it."""

    dataflow: str
    owner: str
    table: str


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """Say which step of its version a changed contract owes, and whether it has taken it.

    What is new has no `before` and owes nothing. What is gone has no `after` to take a step with,
    so whatever it breaks is too much.
    """

    subject: str
    owner: str
    before: str | None
    after: str | None
    required_bump: Step
    sufficient: bool
    consumers: tuple[Consumer, ...]

    @property
    def required_version(self) -> str | None:
        """Return the least version that is sufficient; None for what is new or gone."""
        if self.before is None or self.after is None:
            return None
        return ".".join(map(str, _required(self.before, self.required_bump)))


def version_checks(
    old: Catalog, new: Catalog, differences: tuple[Difference, ...], level: Level
) -> tuple[VersionCheck, ...]:
    """Return the version_check on each contract that has differences, or another version."""
    found = []
    for pair in pairs(old, new):
        own = [difference for difference in differences if difference.subject == pair.subject]
        if own or _version(pair.old) != _version(pair.new):
            effects = {difference.classified(level) for difference in own}
            consumers = dict.fromkeys(_consumers(pair, own, old, new))
            found.append(_version_check(pair, effects, tuple(consumers)))
    return tuple(found)


def _version_check(
    pair: Pair, effects: set[Effect], consumers: tuple[Consumer, ...]
) -> VersionCheck:
    before, after = _version(pair.old), _version(pair.new)
    required_bump: Step = next((step for effect, step in _STEPS if effect in effects), "none")
    if before is None:
        required_bump, sufficient = "none", True
    elif after is None:
        sufficient = required_bump != "major"
        required_bump = "none" if sufficient else required_bump
    else:
        if required_bump == "major" and _numbers(before)[0] == 0:
            required_bump = "minor"  # semver: before 1.0.0, nothing is promised for ever
        sufficient = _numbers(after) >= _required(before, required_bump)
    owner = pair.latest.owner
    return VersionCheck(pair.subject, owner, before, after, required_bump, sufficient, consumers)


def _version(contract: Contract | None) -> str | None:
    return contract.version if contract else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _required(before: str, required_bump: Step) -> tuple[int, ...]:
    major, minor, patch = _numbers(before)
    versions: Mapping[Step, tuple[int, ...]] = {
        "major": (major + 1, 0, 0),
        "minor": (major, minor + 1, 0),
        "patch": (major, minor, patch + 1),
        "none": (major, minor, patch),
    }
    return versions[required_bump]


def _consumers(
    pair: Pair, differences: Iterable[Difference], old: Catalog, new: Catalog
) -> Iterator[Consumer]:
    """Yield who reads a table that differs, or that is gone."""
    places = {difference.place.split(".")[0] for difference in differences}
    before, after = _tables(pair.old), _tables(pair.new)
    if "" not in places:  # the whole of it
        before = {table for table in before if table[1] in places}
        after = {table for table in after if table[1] in places}
    yield from _readers(new, after)
    yield from _readers(old, before - _tables(pair.new))


def _tables(contract: Contract | None) -> set[tuple[str | Identity, str]]:
    """Return the origin and name of each table that a contract offers, as inputs say them."""
    if contract is None:
        return set()
    if isinstance(contract, Dataset):
        return {(contract.name, table.name) for table in contract.tables}
    return {
        (contract.identity, output.name) for output in contract.outputs if isinstance(output, Table)
    }


def _readers(catalog: Catalog, tables: set[tuple[str | Identity, str]]) -> Iterator[Consumer]:
    for dataflow in catalog.dataflows:
        for declared in dataflow.inputs:
            if (declared.source, declared.name) in tables:
                yield Consumer(str(dataflow.identity), dataflow.owner, declared.name)
