"""A case's checkpoints: how they are disturbed, and their invariants, checked from outside.

They are in the runner's home, and every case has its own. The name of a checkpoint is a digest of
all that it depends on: its content is right if an undisturbed run has saved the same under that
name.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from integration.checkpoint_inspection import contents, held_locks, parts, unknown_files
from integration.faults.crashing_store import spoil

from .plan import CHECKPOINTS, Plan
from .product import contract_of

_LONG_AGO_SECONDS = 2 * 3600.0  # a runner removes a part that is one hour old
_EVENTS = ("checkpoint_written", "checkpoint_reused")


def place_of(dataflow: str) -> str:
    """Return where the checkpoints of a dataflow are in a case's folder."""
    return f"{CHECKPOINTS}/{contract_of(dataflow).identity}"


def sign_of(folder: Path) -> Path:
    """Return the file that says that a case's runner was killed at its checkpoints."""
    return folder / "home" / "runner.acted"  # where a runner may write


@dataclass(frozen=True, slots=True)
class SavedCheckpoints:
    """Hold what undisturbed runs have saved of a dataflow: a digest of each file by its name.

    The disturbed run cannot reuse those in `others`; all of them are in `directory`.
    """

    directory: Path
    files: Mapping[str, str]
    others: frozenset[str]


class Checkpoints:
    """Disturb the checkpoints of a case, and check their invariants."""

    def __init__(self, plan: Plan, saved: SavedCheckpoints | None, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.directory = folder / place_of(plan.dataflow)
        self._saved = saved or SavedCheckpoints(folder, {}, frozenset())
        self._chance = random.Random(plan.seed)  # noqa: S311 - no secret
        self._spoiled: set[str] = set()
        self._abandoned: list[Path] = []
        self._events_before = Counter[str]()
        self._written_when_aged = 0
        self.killed = False

    def prepare(self) -> None:
        """Copy the checkpoints that the case starts with; spoil one if the plan says so."""
        self._events_before = self._events()
        if self.plan.checkpoints == "own":
            for name in self._saved.files.keys() - self._saved.others:
                shutil.copyfile(self._saved.directory / name, self.directory / name)
            self._spoil()

    def was_struck(self) -> bool:
        """Say, after the first attempt, whether a checkpoint was disturbed as planned."""
        self.killed = sign_of(self.folder).exists()
        shut = self.plan.shuts_checkpoints and not self.counts["checkpoint_written"]
        return bool(self.killed or self._spoiled or shut)

    def spoil_between(self) -> None:
        """Before the next attempt, spoil a checkpoint, and make abandoned parts look old."""
        if not self._spoiled:
            self._spoil()
        self._written_when_aged = self.counts["checkpoint_written"]
        self._abandoned = parts(self.directory)
        for part in self._abandoned:
            before = time.time() - _LONG_AGO_SECONDS
            os.utime(part, (before, before))

    @property
    def counts(self) -> Counter[str]:
        """Return how many attempts wrote a checkpoint, and how many reused one."""
        return self._events() - self._events_before

    def broken(self) -> Iterator[str]:
        """Yield the invariants that are broken; processes may still run."""
        yield from unknown_files(self.directory)
        for name, digest in contents(self.directory).items():
            if name not in self._spoiled and digest != self._saved.files.get(name, digest):
                yield f"checkpoint {name} is not what an undisturbed run saves"

    def left_behind(self, failures: int) -> Iterator[str]:
        """Yield what should be gone when no process is left, after so many failed attempts."""
        left = parts(self.directory)
        if len(left) > failures:
            yield f"{len(left)} parts of checkpoints were left behind by {failures} failures"
        if self.counts["checkpoint_written"] > self._written_when_aged:
            for part in {*self._abandoned} & {*left}:
                yield f"a part of a checkpoint, abandoned long ago, was left behind: {part.name}"
        yield from held_locks(self.directory)

    def _events(self) -> Counter[str]:
        """Count the attempts, of all runs, whose runners have reported these events."""
        counts = Counter[str]()
        records = self.folder / "runs" / "records" / str(contract_of(self.plan.dataflow).identity)
        for path in records.glob("runs/*/*.jsonl"):
            text = path.read_text(encoding="utf-8")
            counts.update(event for event in _EVENTS if f'"type":"{event}"' in text)
        return counts

    def _spoil(self) -> None:
        """Spoil one checkpoint that the run needs, if it exists."""
        present = contents(self.directory)
        needed = sorted(present.keys() - self._saved.others)
        if not (self.plan.spoiled and needed):
            return
        name = self._chance.choice(needed)
        if self.plan.spoiled == "foreign":
            foreign = self._chance.choice(sorted(present.keys() & self._saved.others))
            shutil.copyfile(self.directory / foreign, self.directory / name)
        else:
            spoil(self.directory / name, self.plan.spoiled, self._chance)
        self._spoiled.add(name)
