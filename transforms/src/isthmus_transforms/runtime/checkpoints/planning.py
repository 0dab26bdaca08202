"""Reuse of saved results: which take the place of computing, and where results are saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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


def reuse_results(
    graph: FunctionGraph,
    nodes: Mapping[str, Node],
    targets: Collection[str],
    given: Collection[str],
    checkpoints: Checkpoints,
) -> tuple[dict[str, object], dict[str, Node]]:
    """Load the saved results that the targets need; return them, and the nodes still needed."""
    saved = (checkpoints.saved() & nodes.keys()) - set(given)
    values: dict[str, object] = {}
    while True:
        needed = ordered_nodes(graph, targets, {*given, *saved})
        for name in [name for name in needed if name in saved and name not in values]:
            values[name] = checkpoints.load(name)
        unusable = {name for name in values if values[name] is MISSING}  # its file is corrupt
        if saved.isdisjoint(unusable):
            left = {name: node for name, node in needed.items() if name in nodes}
            return {name: values[name] for name in left if name in saved}, left
        saved -= unusable
