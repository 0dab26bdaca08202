"""Who must approve a change of the catalog: it depends on what was agreed and no longer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from teams import BOTH, team_of

from isthmus_contracts import DeclarationError
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.tools.compatibility import (
    DEFAULT_LEVEL,
    Difference,
    VersionCheck,
    compare,
    version_checks,
)
from isthmus_contracts.tools.document import parse_catalog


@dataclass(frozen=True, slots=True)
class Agreement:
    """Say which teams must approve a change of the catalog, which should know, and why.

    `version_problems` says what each contract owes whose version has not taken the step that it
    should.
    """

    teams: tuple[str, ...]
    reason: str
    informed: tuple[str, ...] = ()
    version_problems: tuple[str, ...] = ()


def judge_catalog(before: str | None, after: str | None, today: date) -> Agreement:
    """Return who must approve what became of catalog.json; when in doubt, both teams.

    Only what a dataflow offers in addition is left to the dataflow's owner.
    """
    try:
        old, new = _parsed(before, "before"), _parsed(after, "now")
    except DeclarationError as error:
        return Agreement(BOTH, str(error))
    differences = compare(old, new, today)
    teams, reason, informed = _judged(old, new, differences)
    checked = version_checks(old, new, differences, DEFAULT_LEVEL)
    problems = tuple(_owed(check) for check in checked if not check.sufficient)
    return Agreement(teams, reason, informed, problems)


def _judged(
    old: Catalog, new: Catalog, differences: tuple[Difference, ...]
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    breaking = [
        difference
        for difference in differences
        if difference.classified(DEFAULT_LEVEL) == "breaking"
    ]
    demanding = [difference for difference in differences if difference.side == "input"]
    teams = _teams(old, new, {difference.subject for difference in differences})
    if not differences:
        return BOTH, "the content of contracts/catalog.json is the same", ()
    if breaking:
        return BOTH, f"breaking: {_listed(breaking)}", ()
    if demanding:
        return BOTH, f"other inputs or params: {_listed(demanding)}", ()
    if not teams:
        return BOTH, f"of no team of ours: {_listed(differences)}", ()
    others = tuple(team for team in BOTH if team not in teams)
    return teams, f"offered in addition: {_listed(differences)}", others


def _owed(version_check: VersionCheck) -> str:
    if version_check.after is None:
        return (
            f"{version_check.subject} went without notice; deprecate it and wait for its last day"
        )
    required = version_check.required_version
    return f"{version_check.subject} has version {version_check.after}; {required} is required"


def _parsed(text: str | None, when: str) -> Catalog:
    if text is None:
        raise DeclarationError(f"contracts/catalog.json is not there {when}")
    try:
        return parse_catalog(text)
    except DeclarationError as error:
        raise DeclarationError(f"contracts/catalog.json cannot be read {when}: {error}") from None


def _teams(old: Catalog, new: Catalog, subjects: set[str]) -> tuple[str, ...]:
    """Return the teams to whom these subjects belonged or belong; none if one is nobody's."""
    owners = _owners(old) | _owners(new)
    teams = {team_of(owner) for subject, owner in owners if subject in subjects}
    named = {subject for subject, _ in owners}
    return tuple(sorted(teams)) if subjects <= named and teams <= set(BOTH) else ()


def _owners(catalog: Catalog) -> set[tuple[str, str]]:
    """Return each dataflow as a difference names it, with its owner."""
    return {(f"dataflow {dataflow.identity}", dataflow.owner) for dataflow in catalog.dataflows}


def _listed(differences: Sequence[Difference]) -> str:
    first = differences[0]
    place = f", {first.place}" if first.place else ""
    more = f" and {len(differences) - 1} more" if differences[1:] else ""
    return f"{first.subject}{place} ({first.rule}){more}"
