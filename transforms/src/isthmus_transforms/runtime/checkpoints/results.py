"""The saved results of one run: loading those of earlier runs, and saving its own."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hamilton.graph import FunctionGraph
from hamilton.node import Node

from isthmus_contracts.protocol import CheckpointReused, CheckpointWritten, StagedFile
from isthmus_transforms.runtime.calls import bytes_of
from isthmus_transforms.runtime.checkpoints.fingerprints import Fingerprints
from isthmus_transforms.runtime.checkpoints.policy import SavingPolicy
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore
from isthmus_transforms.runtime.codecs import NotSavableError
from isthmus_transforms.runtime.graph.steps import ordered_nodes
from isthmus_transforms.runtime.staging import staged_file

_LOG = logging.getLogger(__name__)


class Checkpoints:
    """Saves the results of one run, and loads those of earlier runs.

    The results of `required` nodes are saved whatever that costs, others where it is worthwhile.
    `reused` lists the events of loaded results. It is not thread-safe.
    """

    def __init__(
        self,
        store: CheckpointStore,
        fingerprints: Fingerprints,
        required: Collection[str],
        on_event: Callable[[CheckpointWritten], None],
    ) -> None:
        self.reused: list[CheckpointReused] = []
        self._store = store
        self._fingerprints = fingerprints
        self._required = frozenset(required)
        self._on_event = on_event
        self._policy = SavingPolicy()
        self._doubts: dict[str, str] = {}
        self._logged: set[str] = set()

    def reuse(
        self,
        graph: FunctionGraph,
        nodes: Mapping[str, Node],
        targets: Collection[str],
        given: Collection[str],
    ) -> tuple[dict[str, object], dict[str, Node]]:
        """Load the saved results that the targets need; return them, and the nodes still needed."""
        files, known = self._store.saved(), self._fingerprints.by_node
        saved = {node for node in nodes if known.get(node) in files and node not in given}
        values: dict[str, object] = {}
        while True:
            needed = ordered_nodes(graph, targets, {*given, *saved})
            for name in [name for name in needed if name in saved and name not in values]:
                values[name] = self.load(name)
            unusable = {name for name in values if values[name] is MISSING}  # its file is corrupt
            if saved.isdisjoint(unusable):
                left = {name: node for name, node in needed.items() if name in nodes}
                return {name: values[name] for name in left if name in saved}, left
            saved -= unusable

    def load(self, node: str) -> object:
        """Return the node's result, or `MISSING` if there is no intact file of it."""
        start = time.perf_counter()
        value = self._store.load(self._fingerprints.by_node[node])
        if value is not MISSING:
            self._policy.record_saved(node)
            self.reused.append(CheckpointReused(time.time(), node, time.perf_counter() - start))
        return value

    def warn_of_unused_intermediates(self) -> None:
        """Log a warning if an earlier stage passed intermediates and none of them was used."""
        if self._store.intermediates and not self.reused:
            _LOG.warning(
                "none of the %s intermediates of the earlier stages can be used, so their work is "
                "done again: code, libraries, params or inputs differ from those of their stage",
                len(self._store.intermediates),
            )

    def stage(self, nodes: Iterable[str], staging: Path) -> tuple[StagedFile, ...]:
        """Copy the saved results of the nodes into the staging directory."""
        staged = []
        for node in nodes:
            fingerprint = self._fingerprints.by_node.get(node)
            for path in self._store.paths(fingerprint) if fingerprint else ():
                with suppress(FileNotFoundError):  # another run may just have deleted it
                    copy = Path(shutil.copyfile(path, staging / path.name))
                    staged.append(staged_file(staging, copy.relative_to(staging)))
                    break
            else:
                self._log(node, "its file does not exist any more")
        return tuple(staged)

    def record(
        self,
        node: str,
        value: object,
        seconds: float,
        dependencies: Sequence[str],
        code: str | None = None,
    ) -> None:
        """Record a computed result, and save it if it is required or that is worthwhile.

        `code` is what `code_digest` returned in the worker process that computed it, if one did.
        """
        maybe_worthwhile = self._policy.record_computed(node, seconds, dependencies)
        if code not in {None, self._fingerprints.code.get(node)}:
            self._doubts[node] = "the worker process had other code or values than this process"
        elif not self._doubts.keys().isdisjoint(dependencies):
            self._doubts[node] = "a result that it depends on is not sure"
        if node in self._required:
            self._save(node, value)
        elif maybe_worthwhile and (size := bytes_of(value)) is not None:
            start = time.perf_counter()
            if self._policy.is_worthwhile(node, self._policy.estimated_cost(type(value), size)):
                self._save(node, value)
            self._policy.spent += time.perf_counter() - start

    def _save(self, node: str, value: object) -> None:
        if reason := self._fingerprints.missing.get(node) or self._doubt(node):
            self._log(node, reason)
            return
        start = time.perf_counter()
        try:
            file, written = self._store.save(self._fingerprints.by_node[node], value)
        except NotSavableError as error:
            self._log(node, str(error))
            return
        seconds = time.perf_counter() - start
        self._policy.record_save(type(value), bytes_of(value) or written, seconds)
        self._policy.record_saved(node)
        self._on_event(CheckpointWritten(time.time(), node, written, seconds, file))

    def _doubt(self, node: str) -> str | None:
        """Return why the result may depend on more than its fingerprint says, or None."""
        now = self._fingerprints.again() if self._fingerprints.again else self._fingerprints
        for name, fingerprint in self._fingerprints.by_node.items():
            if now.by_node.get(name) != fingerprint:
                self._doubts[name] = "what its functions use changed while functions ran"
        return self._doubts.get(node)

    def _log(self, node: str, reason: str) -> None:
        if node not in self._logged:
            self._logged.add(node)
            level = logging.WARNING if node in self._required else logging.INFO
            _LOG.log(level, "node %r is not saved and will be computed again: %s", node, reason)
