"""Who must approve a change, and which sessions must run: the rules, and how they are applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from catalog_approval import judge_catalog
from change import Change
from teams import (
    BOTH,
    DATA_SCIENCE,
    DATAFLOW_TESTS,
    DATAFLOWS,
    PLATFORM,
    TREE_RULES,
    dataflow_owners,
    expected,
)

SESSIONS = (
    *("contracts", "odcs", "platform", "transforms"),
    *("boundaries", "integration", "compose", "release", "coverage"),
)

Approval: TypeAlias = Literal["platform", "data-science", "owner", "both", "either", "catalog"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Say who must approve a change of paths, and which sessions must run.

    A pattern is a file, a folder with its final slash, or "*.md" for pages at the root. "owner" is
    the team that the dataflow's contract names; "catalog" asks the contracts what has changed.
    """

    patterns: tuple[str, ...]
    what: str
    approval: Approval
    sessions: tuple[str, ...]

    def matches(self, path: str) -> bool:
        """Say whether the rule is for this path."""
        return any(_matches(pattern, path) for pattern in self.patterns)


# The first rule that matches a path decides; the last matches every path.
RULES = (
    Rule(("checks/odcs/",), "the export", "both", ("odcs", "boundaries")),
    Rule(("checks/release/",), "the packages", "both", ("boundaries", "release")),
    Rule(
        (
            *("checks/", ".github/", "ARCHITECTURE.md", "CODEOWNERS"),
            *(".importlinter", ".pre-commit-config.yaml", "ruff.toml", *TREE_RULES),
        ),
        "the rules",
        "both",
        ("boundaries",),
    ),
    Rule(
        ("contracts/src/isthmus_contracts/catalog/_catalog.py",),
        "what a catalog is",
        "both",
        SESSIONS,
    ),
    Rule(
        ("contracts/src/isthmus_contracts/catalog/", "contracts/catalog.json"),
        "the catalog",
        "catalog",
        SESSIONS,
    ),
    Rule(("contracts/",), "how the two sides meet", "both", SESSIONS),
    Rule(
        ("platform/",),
        "the platform",
        "platform",
        ("platform", "boundaries", "integration", "release", "coverage"),
    ),
    Rule(
        (DATAFLOWS, DATAFLOW_TESTS),
        "a dataflow",
        "owner",
        ("transforms", "boundaries", "coverage"),
    ),
    Rule(
        ("transforms/",),
        "the transforms",
        "data-science",
        ("transforms", "boundaries", "release", "coverage"),
    ),
    Rule(
        ("docker/", "docker-compose.yaml", "integration/compose/"),
        "the stack",
        "both",
        ("boundaries", "compose"),
    ),
    Rule(("integration/",), "tests of the whole", "both", ("boundaries", "integration")),
    Rule(("benchmarks/",), "what is measured", "both", ("boundaries", "integration")),
    Rule(("docs/", "*.md"), "pages for readers", "either", ("boundaries",)),
    Rule(("",), "what everything stands on", "both", SESSIONS),
)

TEAMS = {"platform": (PLATFORM,), "data-science": (DATA_SCIENCE,), "both": BOTH}
TREES = ("platform/", "transforms/")
CONTRACT = ("contracts/src/", "contracts/catalog.json")


@dataclass(frozen=True, slots=True)
class Judgement:
    """Say what one rule demands of a change, and why."""

    paths: tuple[str, ...]
    reason: str
    sessions: tuple[str, ...]
    teams: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    version_problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """Say what a whole change demands: every team of `teams`, and one of `one_of`."""

    judgements: tuple[Judgement, ...]
    crosses_border: bool

    @property
    def teams(self) -> tuple[str, ...]:
        """Return the teams that must all approve."""
        return _sorted(team for judgement in self.judgements for team in judgement.teams)

    @property
    def one_of(self) -> tuple[str, ...]:
        """Return the teams one of which must approve, if none of them must anyway."""
        either = _sorted(team for judgement in self.judgements for team in judgement.one_of)
        return () if set(either) & set(self.teams) else either

    @property
    def informed(self) -> tuple[str, ...]:
        """Return the teams that should know, and need not approve."""
        informed = _sorted(team for judgement in self.judgements for team in judgement.informed)
        return tuple(team for team in informed if team not in self.teams)

    @property
    def version_problems(self) -> tuple[str, ...]:
        """Return what each contract owes whose version was not raised as far as it should be."""
        return tuple(
            problem for judgement in self.judgements for problem in judgement.version_problems
        )

    @property
    def sessions(self) -> tuple[str, ...]:
        """Return the sessions that must run, in nox's order."""
        named = {session for judgement in self.judgements for session in judgement.sessions}
        return tuple(session for session in SESSIONS if session in named)


def judge(change: Change, today: date) -> Demand:
    """Return what a change demands."""
    return Demand(tuple(_judgements(change, today)), crosses_border=_crosses_border(change.paths))


def _judgements(change: Change, today: date) -> Iterator[Judgement]:
    for rule in RULES:
        paths = tuple(path for path in change.paths if _rule(path) is rule)
        if not paths:
            continue
        match rule.approval:
            case "catalog":
                agreed = judge_catalog(change.catalog_before, change.catalog_after, today)
                yield Judgement(
                    paths=paths,
                    reason=f"{rule.what}: {agreed.reason}",
                    sessions=rule.sessions,
                    teams=agreed.teams,
                    informed=agreed.informed,
                    version_problems=agreed.version_problems,
                )
            case "owner":
                for teams, several in _by_owner(paths, change.catalog_after).items():
                    yield Judgement(tuple(several), rule.what, rule.sessions, teams)
            case "either":
                yield Judgement(paths, rule.what, rule.sessions, one_of=BOTH)
            case _:
                yield Judgement(paths, rule.what, rule.sessions, TEAMS[rule.approval])


def _by_owner(paths: tuple[str, ...], catalog: str | None) -> dict[tuple[str, ...], list[str]]:
    try:
        owners = dataflow_owners(catalog or "")
    except ValueError:
        owners = {}
    found: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        teams = expected(path, owners)
        found.setdefault(teams if set(teams) <= set(BOTH) else BOTH, []).append(path)
    return found


def _crosses_border(paths: tuple[str, ...]) -> bool:
    both = all(any(path.startswith(tree) for path in paths) for tree in TREES)
    return both and not any(_matches(pattern, path) for pattern in CONTRACT for path in paths)


def _rule(path: str) -> Rule:
    return next(rule for rule in RULES if rule.matches(path))


def _matches(pattern: str, path: str) -> bool:
    if pattern == "*.md":
        return path.endswith(".md") and "/" not in path
    return path.startswith(pattern) if pattern.endswith("/") or not pattern else path == pattern


def _sorted(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
