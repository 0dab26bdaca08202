"""Reuse of saved results: which take the place of computing, and where results are saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hamilton.graph import FunctionGraph
from hamilton.node import Node

from isthmus_contracts.protocol import CheckpointQuota
from isthmus_transforms.runtime.checkpoints.results import Checkpoints
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore, by_fingerprint
from isthmus_transforms.runtime.graph.steps import ordered_nodes

_MEGABYTE = 1_000_000
_DAY_SECONDS = 86_400
DEFAULT_QUOTA = CheckpointQuota(megabytes=10_000, days=30)


@dataclass(frozen=True, slots=True)
class CheckpointConfig:
    """Where results are saved, and how many of them.

    `intermediates` are files that earlier stages saved in other directories.
    """

    directory: Path
    quota: CheckpointQuota = DEFAULT_QUOTA
    intermediates: tuple[Path, ...] = ()

    def store(self) -> CheckpointStore:
        """Return the store of that directory."""
        limits = self.quota.megabytes * _MEGABYTE, self.quota.days * _DAY_SECONDS
        return CheckpointStore(self.directory, *limits, by_fingerprint(self.intermediates))


@dataclass(frozen=True, slots=True)
class Reused:
    """Results that earlier runs saved, and the nodes that are needed with them."""

    values: Mapping[str, object]
    nodes: Mapping[str, Node]


def reuse_results(
    graph: FunctionGraph,
    nodes: Mapping[str, Node],
    targets: Collection[str],
    given: Collection[str],
    checkpoints: Checkpoints,
) -> Reused:
    """Load the saved results that the targets need; return them with the nodes still needed."""
    values: dict[str, object] = {}
    unusable: set[str] = set()
    has_file = cache(checkpoints.has)  # it opens a file

    def is_saved(name: str) -> bool:
        return name in nodes and name not in given and name not in unusable and has_file(name)

    while True:
        needed = ordered_nodes(graph, targets, _GivenOrSaved(given, is_saved))
        wanted = [name for name in needed if name not in values and is_saved(name)]
        for name in wanted:
            value = checkpoints.load(name)
            if value is MISSING:
                unusable.add(name)  # its file is corrupt or gone
            else:
                values[name] = value
        if unusable.isdisjoint(wanted):
            left = {name: node for name, node in needed.items() if name in nodes}
            return Reused({name: values[name] for name in left if name in values}, left)


@dataclass(frozen=True, slots=True)
class _GivenOrSaved(Collection[str]):
    """The names that are given or saved; whether a name is saved is asked only when needed."""

    given: Collection[str]
    is_saved: Callable[[str], bool]

    def __contains__(self, name: object) -> bool:
        return name in self.given or (isinstance(name, str) and self.is_saved(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)
