"""The saved results of one run: loading those of earlier runs, and saving its own."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from isthmus_contracts.protocol import CheckpointReused, CheckpointWritten, StagedFile
from isthmus_transforms.runtime.checkpoints.codecs import NotSavableError
from isthmus_transforms.runtime.checkpoints.fingerprints import Fingerprints
from isthmus_transforms.runtime.checkpoints.policy import SavingPolicy, sample_cost, size_of
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore
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
        self._logged: set[str] = set()

    def has(self, node: str) -> bool:
        """Return whether a file of the node's result exists; `load` checks its digest."""
        fingerprint = self._fingerprints.by_node.get(node)
        return fingerprint is not None and self._store.has(fingerprint)

    def load(self, node: str) -> object:
        """Return the node's result, or `MISSING` if there is no intact file of it."""
        fingerprint = self._fingerprints.by_node.get(node)
        if fingerprint is None:
            return MISSING
        start = time.perf_counter()
        value = self._store.load(fingerprint)
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
            saved = None if fingerprint is None else self._store.file(fingerprint)
            path = None if saved is None else _copy(saved, staging)
            if path is None:
                self._log(node, "its file does not exist any more", required=True)
            else:
                staged.append(staged_file(staging, path.relative_to(staging)))
        return tuple(staged)

    def record(self, node: str, value: object, seconds: float, dependencies: Sequence[str]) -> None:
        """Record a computed result, and save it if it is required or that is worthwhile."""
        maybe_worthwhile = self._policy.record_computed(node, seconds, dependencies)
        required = node in self._required
        if required or maybe_worthwhile:
            self._consider(node, value, required=required)

    def _consider(self, node: str, value: object, *, required: bool) -> None:
        fingerprint = self._fingerprints.by_node.get(node)
        start = time.perf_counter()
        if fingerprint is None:
            reason = self._fingerprints.missing.get(node, "it has no fingerprint")
            self._log(node, reason, required=required)
            return
        try:
            if required or self._is_worthwhile(node, value):
                self._save(node, fingerprint, value)
        except NotSavableError as error:
            self._log(node, str(error), required=required)
        except Exception as error:  # noqa: BLE001 - an author's codec may raise anything
            self._log(node, f"{type(error).__name__}: {error}", required=required)
        if not required:
            self._policy.record_overhead(time.perf_counter() - start)

    def _is_worthwhile(self, node: str, value: object) -> bool:
        size = size_of(value)
        if size is None or not self._policy.within_budget(0.0):
            return False
        cost = self._policy.estimated_cost(type(value), size)
        return self._policy.is_worthwhile(node, sample_cost(value) if cost is None else cost)

    def _save(self, node: str, fingerprint: str, value: object) -> None:
        start = time.perf_counter()
        file, written = self._store.save(fingerprint, value)
        seconds = time.perf_counter() - start
        self._policy.record_save(type(value), size_of(value) or written, seconds)
        self._policy.record_saved(node)
        self._on_event(CheckpointWritten(time.time(), node, written, seconds, file))

    def _log(self, node: str, reason: str, *, required: bool) -> None:
        if node not in self._logged:
            self._logged.add(node)
            level = logging.WARNING if required else logging.INFO
            _LOG.log(level, "node %r is not saved and will be computed again: %s", node, reason)


def _copy(file: Path, folder: Path) -> Path | None:
    """Return the copy of a file in a folder, or None if another run has just deleted the file."""
    try:
        return Path(shutil.copyfile(file, folder / file.name))
    except FileNotFoundError:
        return None
