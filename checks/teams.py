"""The two teams, and what was agreed on: which path belongs to whom."""

from __future__ import annotations

import json

ORGANISATION = "@isthmus/"
PLATFORM = "@isthmus/platform"
DATA_SCIENCE = "@isthmus/data-science"
BOTH = (DATA_SCIENCE, PLATFORM)

# What is in none of these belongs to both teams. A dataflow's folders come before its tree.
TREES = {"platform/": (PLATFORM,), "transforms/": (DATA_SCIENCE,)}
DATAFLOWS = "transforms/src/isthmus_transforms/dataflows/"
DATAFLOW_TESTS = "transforms/tests/dataflows/"

# A tree's rules are not the tree's own.
TREE_RULES = tuple(f"{tree}ruff.toml" for tree in TREES)


def team_of(owner: str) -> str:
    """Return the team that a contract means by its owner."""
    return ORGANISATION + owner


def dataflow_owners(catalog: str) -> dict[str, str]:
    """Return the owner that each dataflow's contract names, by its package; read catalog.json.

    Raise `ValueError` for a text that is no catalog.
    """
    try:
        dataflows = json.loads(catalog)["dataflows"]
        return {
            _package(identity): str(dataflow["owner"]) for identity, dataflow in dataflows.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{error} is not as in a catalog") from error


def expected(path: str, owners: dict[str, str]) -> tuple[str, ...]:
    """Return the teams that were agreed on for a path, given each dataflow's owner."""
    if path in TREE_RULES:
        return BOTH
    for folder in (DATAFLOWS, DATAFLOW_TESTS):
        package, slash, _ = path.removeprefix(folder).partition("/")
        if path.startswith(folder) and slash and package in owners:
            return (team_of(owners[package]),)
    return next((teams for tree, teams in TREES.items() if path.startswith(tree)), BOTH)


def _package(identity: str) -> str:
    # As transforms name the package of a contract: `name`, from version 2 on `name_vN`.
    name, _, major = identity.rpartition(".v")
    if not (name and major.isdecimal()):
        raise ValueError(f"{identity!r} is no identity such as 'flight_delays.v1'")
    return name if int(major) <= 1 else f"{name}_v{major}"
