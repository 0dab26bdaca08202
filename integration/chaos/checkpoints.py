"""A case's checkpoints: what befalls them, and what must hold of them, seen from outside.

They lie in the runner's home, which every case has for itself. What is in one of them is known by
its name, for that is a digest of all that it depends on: it is right if it is what an undisturbed
run has kept under that name.
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

_LONG_AGO_SECONDS = 2 * 3600.0  # a runner takes a part that is one hour old for a dead one's
_EVENTS = ("checkpoint_written", "checkpoint_reused")


def place_of(dataflow: str) -> str:
    """Return where the checkpoints of a dataflow lie in a case's folder."""
    return f"{CHECKPOINTS}/{contract_of(dataflow).identity}"


def sign_of(folder: Path) -> Path:
    """Return the file that says that a case's runner was killed at its checkpoints."""
    return folder / "attempts" / "runner.acted"


@dataclass(frozen=True, slots=True)
class Kept:
    """What undisturbed runs have kept of a dataflow: a digest of each file by its name.

    Of these, `others` are no use to the run that is disturbed; all of them lie in `directory`.
    """

    directory: Path
    files: Mapping[str, str]
    others: frozenset[str]


class Checkpoints:
    """Disturb the checkpoints of a case, and say what does not hold of them."""

    def __init__(self, plan: Plan, kept: Kept | None, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.directory = folder / place_of(plan.dataflow)
        self._kept = kept or Kept(folder, {}, frozenset())
        self._chance = random.Random(plan.seed)  # noqa: S311 - no secret
        self._spoiled: set[str] = set()
        self._abandoned: list[Path] = []
        self._events_before = Counter[str]()
        self._written_when_aged = 0
        self.killed = False

    def prepare(self) -> None:
        """Lay down what the case starts with, spoiled if that was planned."""
        self._events_before = self._events()
        if self.plan.kept == "own":
            for name in self._kept.files.keys() - self._kept.others:
                shutil.copyfile(self._kept.directory / name, self.directory / name)
            self._spoil()

    def was_struck(self) -> bool:
        """Say, after the first attempt, whether anything befell a checkpoint by plan."""
        self.killed = sign_of(self.folder).exists()
        shut = self.plan.shuts_checkpoints and not self.counts["checkpoint_written"]
        return bool(self.killed or self._spoiled or shut)

    def spoil_between(self) -> None:
        """Before the next attempt, spoil what was kept, and let what the dead left grow old."""
        if not self._spoiled:
            self._spoil()
        self._written_when_aged = self.counts["checkpoint_written"]
        self._abandoned = parts(self.directory)
        for part in self._abandoned:
            before = time.time() - _LONG_AGO_SECONDS
            os.utime(part, (before, before))

    @property
    def counts(self) -> Counter[str]:
        """Return how many attempts wrote one, and how many went on from one."""
        return self._events() - self._events_before

    def broken(self) -> Iterator[str]:
        """Yield what does not hold, whoever is still at work."""
        yield from unknown_files(self.directory)
        for name, made in contents(self.directory).items():
            if name not in self._spoiled and made != self._kept.files.get(name, made):
                yield f"checkpoint {name} is not what an undisturbed run keeps"

    def left_behind(self, failures: int) -> Iterator[str]:
        """Yield what should be gone once no process is left; so many attempts have failed."""
        left = parts(self.directory)
        if len(left) > failures:
            yield f"{len(left)} parts of checkpoints were left behind by {failures} failures"
        if self.counts["checkpoint_written"] > self._written_when_aged:
            for part in {*self._abandoned} & {*left}:
                yield f"a part of a checkpoint, abandoned long ago, was left behind: {part.name}"
        yield from held_locks(self.directory)

    def _events(self) -> Counter[str]:
        """Count what runners have said of checkpoints: how many attempts did it, of all runs."""
        found = Counter[str]()
        runs = self.folder / "runs" / str(contract_of(self.plan.dataflow).identity)
        for path in runs.glob("*/*.jsonl"):
            text = path.read_text(encoding="utf-8")
            found.update(event for event in _EVENTS if f'"type":"{event}"' in text)
        return found

    def _spoil(self) -> None:
        """Spoil one checkpoint that the run needs, if it is there."""
        there = contents(self.directory)
        needed = sorted(there.keys() - self._kept.others)
        if not (self.plan.spoiled and needed):
            return
        name = self._chance.choice(needed)
        if self.plan.spoiled == "foreign":
            other = self._chance.choice(sorted(there.keys() & self._kept.others))
            shutil.copyfile(self.directory / other, self.directory / name)
        else:
            spoil(self.directory / name, self.plan.spoiled, self._chance)
        self._spoiled.add(name)
