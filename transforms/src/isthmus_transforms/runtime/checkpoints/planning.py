"""Going on from results that earlier runs have kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from hamilton.graph import FunctionGraph
from hamilton.node import Node

from isthmus_contracts.protocol import CheckpointQuota
from isthmus_transforms.runtime.checkpoints import (
    MISSING,
    Checkpoints,
    CheckpointStore,
    found_in,
)
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.graph.steps import ordered_nodes

_MEGABYTE = 1_000_000
_DAY_SECONDS = 86_400
LIMITS = CheckpointQuota(megabytes=10_000, days=30)
"""What is kept where nobody says how much."""


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """Say in which directory results are kept, and how much of them.

    `intermediates` are files of results that were kept elsewhere.
    """

    directory: Path
    limits: CheckpointQuota = LIMITS
    intermediates: tuple[Path, ...] = ()

    def store(self) -> CheckpointStore:
        """Return the store in that directory."""
        limits = self.limits.megabytes * _MEGABYTE, self.limits.days * _DAY_SECONDS
        return CheckpointStore(self.directory, *limits, found_in(self.intermediates))


@dataclass(frozen=True, slots=True)
class LazyInput:
    """Give an input: its rows, and a digest of them, or None if they cannot be told apart.

    Who reads it hears what checks have found, even if that is why it cannot be read.
    """

    read: Callable[[Listener], pd.DataFrame]
    digest: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Reused:
    """Hold results that earlier runs have kept, and the nodes that are needed beside them."""

    values: Mapping[str, object]
    nodes: Mapping[str, Node]


def carry_over(
    graph: FunctionGraph,
    nodes: Mapping[str, Node],
    targets: Collection[str],
    given: Collection[str],
    checkpoints: Checkpoints,
) -> Reused:
    """Return what the targets need, of `nodes`, when kept results take the place of computing."""
    values: dict[str, object] = {}
    lost: set[str] = set()
    seems_kept = cache(checkpoints.saved)  # it looks into a file

    def is_kept(name: str) -> bool:
        return name in nodes and name not in given and name not in lost and seems_kept(name)

    while True:
        needed = ordered_nodes(graph, targets, _Known(given, is_kept))
        wanted = [name for name in needed if name not in values and is_kept(name)]
        for name in wanted:
            value = checkpoints.load(name)
            if value is MISSING:
                lost.add(name)  # it did not prove what it is
            else:
                values[name] = value
        if lost.isdisjoint(wanted):
            there = {name: node for name, node in needed.items() if name in nodes}
            return Reused({name: values[name] for name in there if name in values}, there)


@dataclass(frozen=True, slots=True)
class _Known(Collection[str]):
    """Hold names that are given, and those that are kept, which is asked when it matters."""

    given: Collection[str]
    is_kept: Callable[[str], bool]

    def __contains__(self, name: object) -> bool:
        return name in self.given or (isinstance(name, str) and self.is_kept(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)
