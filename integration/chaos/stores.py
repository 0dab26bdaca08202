"""A case's checkpoints: what befalls them, and what must hold of them, seen from outside.

They lie in the runner's home, which every case has for itself. What is in one of them is known by
its name, for that is a digest of all that it depends on: it is right if it is what an undisturbed
run has kept under that name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import lakes
from .orders import Trap
from .plans import STORES, Plan

_TRANSFORMS = Path(__file__).parents[2] / "transforms"
PYTHON = str(_TRANSFORMS / ".venv" / "bin" / "python")
"""The interpreter of runners."""
STRUCK = str(_TRANSFORMS / "tests" / "programs" / "struck_runner.py")
"""The program of those that are killed in their store, or have a bug there."""

_SIGN = "signs/runner.sprung"
_SAVED, _PART = "*.checkpoint", "*.part"
_KNOWN = re.compile(r"[0-9a-f]{64}\.checkpoint|[0-9a-f]{32}\.part|\.lock")
_LONG_AGO_SECONDS = 2 * 3600.0  # the store takes a part that is one hour old for a dead one's
_SAYINGS = {
    "checkpoint_written": "attempts wrote one",
    "checkpoint_reused": "attempts went on from one",
}


def place_of(dataflow: str) -> str:
    """Return where the checkpoints of a dataflow lie in a case's folder."""
    return f"{STORES}/{lakes.identity_of(dataflow)}"


def contents(folder: Path, dataflow: str) -> dict[str, str]:
    """Return the name of each checkpoint, and a digest of its file."""
    files = sorted((folder / place_of(dataflow)).glob(_SAVED))
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def struck_runner(trap: Trap, folder: Path) -> tuple[str, ...]:
    """Return the command of a runner that is killed in its store of checkpoints."""
    _, _, name = trap.place.partition(":")
    where = (name, str(trap.call), trap.moment, str(folder / _SIGN))
    return (PYTHON, STRUCK, trap.deed, *where)


def faulty_runner(bug: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command of a runner with a bug, which is struck where that of `command` is."""
    rest = command[2:] if STRUCK in command else ()
    return (PYTHON, STRUCK, "plant", bug, *rest)


@dataclass(frozen=True, slots=True)
class Kept:
    """What undisturbed runs have kept of a dataflow: a digest of each file by its name.

    Of these, `others` are no use to the run that is disturbed; all of them lie in `folder`.
    """

    folder: Path
    files: Mapping[str, str]
    others: frozenset[str]


class Store:
    """Disturb the checkpoints of a case, and say what does not hold of them."""

    def __init__(self, plan: Plan, kept: Kept | None, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.directory = folder / place_of(plan.dataflow)
        self._kept = kept
        self._chance = random.Random(plan.seed)  # noqa: S311 - no secret
        self._spoiled: set[str] = set()
        self._abandoned: list[Path] = []
        self._said_before = Counter[str]()
        self._written_when_aged = 0
        self.disturbed = False

    def prepare(self) -> None:
        """Lay into the store what the case starts with, spoiled if that was planned."""
        self._said_before = self._said()
        if self._kept and self.plan.kept == "own":
            place = self._kept.folder / place_of(self.plan.dataflow)
            for name in self._kept.files.keys() - self._kept.others:
                shutil.copyfile(place / name, self.directory / name)
            self._spoil()

    @property
    def killed(self) -> bool:
        """Say whether a runner was killed in its store."""
        return (self.folder / _SIGN).exists()

    def was_struck(self) -> bool:
        """Say, after the first attempt, whether anything befell a checkpoint by plan."""
        struck = bool(self.killed or self._spoiled or (self.plan.shuts_store and not self._written))
        self.disturbed = struck or bool(self._parts())
        return struck

    def spoil_between(self) -> None:
        """Before the next attempt, spoil what was kept, and let what the dead have left grow old."""  # noqa: E501
        if not self._spoiled:
            self._spoil()
            self.disturbed = self.disturbed or bool(self._spoiled)
        self._written_when_aged = self._written
        self._abandoned = self._parts()
        for each in self._abandoned:
            before = time.time() - _LONG_AGO_SECONDS
            os.utime(each, (before, before))

    @property
    def counts(self) -> Counter[str]:
        """Return what to tell of the case: whether one was disturbed, and what attempts did."""
        before, now = self._said_before, self._said()
        done = {words: now[what] - before[what] for what, words in _SAYINGS.items()}
        return Counter({"cases disturbed one": int(self.disturbed), **done})

    def broken(self) -> Iterator[str]:
        """Yield what does not hold, whoever is still at work."""
        for each in self.directory.glob("*"):
            if not _KNOWN.fullmatch(each.name):
                yield f"a file that has no place beside checkpoints was left behind: {each.name}"
        right = self._kept.files if self._kept else {}
        for name, made in contents(self.folder, self.plan.dataflow).items():
            if name not in self._spoiled and made != right.get(name, made):
                yield f"checkpoint {name} is not what an undisturbed run keeps"

    def left_behind(self, failures: int) -> Iterator[str]:
        """Yield what should be gone once no process is left; so many attempts have failed."""
        parts = self._parts()
        if len(parts) > failures:
            yield f"{len(parts)} parts of checkpoints were left behind by {failures} failed attempts"  # noqa: E501
        if self._written > self._written_when_aged:
            for each in {*self._abandoned} & {*parts}:
                yield f"a part of a checkpoint, abandoned long ago, was left behind: {each.name}"
        lock = self.directory / ".lock"
        if lock.exists():
            with lock.open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    yield "a lock was left behind: that of the checkpoints"

    @property
    def _written(self) -> int:
        return self._said()["checkpoint_written"] - self._said_before["checkpoint_written"]

    def _said(self) -> Counter[str]:
        """Count what runners have said of checkpoints: how many attempts did it, of all runs."""
        found = Counter[str]()
        runs = self.folder / "runs" / str(lakes.identity_of(self.plan.dataflow))
        for path in runs.glob("*/*.events.jsonl"):
            text = path.read_text(encoding="utf-8")
            found.update(each for each in _SAYINGS if f'"type":"{each}"' in text)
        return found

    def _parts(self) -> list[Path]:
        return sorted(self.directory.glob(_PART))

    def _spoil(self) -> None:
        """Spoil one checkpoint that the run needs, if it is there."""
        there = contents(self.folder, self.plan.dataflow)
        others = self._kept.others if self._kept else ()
        needed = [each for each in there if each not in others]
        if not (self.plan.spoiled and needed):
            return
        name = self._chance.choice(needed)
        path = self.directory / name
        content = bytearray(path.read_bytes())
        match self.plan.spoiled:
            case "truncate":
                os.truncate(path, self._chance.randrange(len(content)))
            case "flip":
                bit = self._chance.randrange(len(content) * 8)
                content[bit // 8] ^= 1 << bit % 8
                path.write_bytes(content)
            case "foreign":
                other = self._chance.choice([each for each in there if each in others])
                shutil.copyfile(self.directory / other, path)
        self._spoiled.add(name)
