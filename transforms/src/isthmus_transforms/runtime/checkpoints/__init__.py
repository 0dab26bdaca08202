"""Checkpoints: results that are kept, so that work already done is not done again."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from isthmus_contracts.protocol import CheckpointReused, CheckpointWritten, StagedFile
from isthmus_transforms.runtime.checkpoints.codecs import NotSavableError, register
from isthmus_transforms.runtime.checkpoints.digests import (
    digest_of_files,
    digest_of_frame,
    digest_of_input,
)
from isthmus_transforms.runtime.checkpoints.fingerprints import Fingerprints, fingerprints
from isthmus_transforms.runtime.checkpoints.policy import SavingPolicy, sample_cost, size_of
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore, Missing, found_in
from isthmus_transforms.runtime.staging import staged_file

__all__ = [
    "MISSING",
    "CheckpointStore",
    "Checkpoints",
    "Fingerprints",
    "Missing",
    "NotSavableError",
    "digest_of_files",
    "digest_of_frame",
    "digest_of_input",
    "fingerprints",
    "found_in",
    "register",
]

_LOG = logging.getLogger(__name__)


class Checkpoints:
    """Keep the results of one run, and give those of earlier ones.

    The nodes `asked` for are saved whatever it costs, others where that is worth while. What is
    loaded is told in `reused`. One thread at a time may call it.
    """

    def __init__(
        self,
        store: CheckpointStore,
        found: Fingerprints,
        asked: Collection[str],
        on_event: Callable[[CheckpointWritten], None],
    ) -> None:
        self.reused: list[CheckpointReused] = []
        self._store = store
        self._fingerprints = found
        self._asked = frozenset(asked)
        self._listen = on_event
        self._worth = SavingPolicy()
        self._told: set[str] = set()

    def saved(self, node: str) -> bool:
        """Tell whether a result of the node seems to be there."""
        fingerprint = self._fingerprints.of.get(node)
        return fingerprint is not None and self._store.has(fingerprint)

    def load(self, node: str) -> object:
        """Return the node's result, or `MISSING` if there is none that can be believed."""
        fingerprint = self._fingerprints.of.get(node)
        if fingerprint is None:
            return MISSING
        start = time.perf_counter()
        value = self._store.load(fingerprint)
        if value is not MISSING:
            self._worth.saved(node)
            self.reused.append(CheckpointReused(time.time(), node, time.perf_counter() - start))
        return value

    def tell_of_misfits(self) -> None:
        """Log it if results were handed on and none was of use, for work is done again then."""
        if self._store.intermediates and not self.reused:
            _LOG.warning(
                "none of the %s results that were handed on is of use here: code, libraries, "
                "params or inputs differ from where they were made",
                len(self._store.intermediates),
            )

    def stage(self, nodes: Iterable[str], staging: Path) -> tuple[StagedFile, ...]:
        """Copy the saved results of the nodes into the staging directory."""
        staged = []
        for node in nodes:
            fingerprint = self._fingerprints.of.get(node)
            saved = None if fingerprint is None else self._store.file(fingerprint)
            path = None if saved is None else _copied(saved, staging)
            if path is None:
                self._tell(node, "it is not there any more", asked=True)
            else:
                staged.append(staged_file(staging, path.relative_to(staging)))
        return tuple(staged)

    def computed(
        self, node: str, value: object, seconds: float, dependencies: Sequence[str]
    ) -> None:
        """Take notice of a result, and save it if that was asked for or is worth while."""
        worth_a_thought = self._worth.computed(node, seconds, dependencies)
        asked = node in self._asked
        if asked or worth_a_thought:
            self._consider(node, value, asked=asked)

    def _consider(self, node: str, value: object, *, asked: bool) -> None:
        fingerprint = self._fingerprints.of.get(node)
        start = time.perf_counter()
        if fingerprint is None:
            doubt = self._fingerprints.doubts.get(node, "it has no fingerprint")
            self._tell(node, doubt, asked=asked)
            return
        try:
            if asked or self._is_worth(node, value):
                self._save(node, fingerprint, value)
        except NotSavableError as error:
            self._tell(node, str(error), asked=asked)
        except Exception as error:  # noqa: BLE001 - an author's codec may do anything
            self._tell(node, f"{type(error).__name__}: {error}", asked=asked)
        if not asked:
            self._worth.spent(time.perf_counter() - start)

    def _is_worth(self, node: str, value: object) -> bool:
        size = size_of(value)
        if size is None or not self._worth.affords(0.0):
            return False
        cost = self._worth.cost(type(value), size)
        return self._worth.is_worth(node, sample_cost(value) if cost is None else cost)

    def _save(self, node: str, fingerprint: str, value: object) -> None:
        start = time.perf_counter()
        file, written = self._store.save(fingerprint, value)
        seconds = time.perf_counter() - start
        self._worth.measured(type(value), size_of(value) or written, seconds)
        self._worth.saved(node)
        self._listen(CheckpointWritten(time.time(), node, written, seconds, file))

    def _tell(self, node: str, why: str, *, asked: bool) -> None:
        if node not in self._told:
            self._told.add(node)
            level = logging.WARNING if asked else logging.INFO
            _LOG.log(level, "node %r is not saved and will be computed anew: %s", node, why)


def _copied(file: Path, folder: Path) -> Path | None:
    """Return the copy of a file in a folder, or None if another run has just deleted it."""
    try:
        return Path(shutil.copyfile(file, folder / file.name))
    except FileNotFoundError:
        return None
