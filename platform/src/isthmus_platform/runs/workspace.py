"""The workspace of an attempt: the directories that its runner writes in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.runs.record import AttemptRecord


@dataclass(frozen=True, slots=True)
class Workspace:
    """Name a runner's directories: for the files that it stages, and for temporary files."""

    staging: Path
    scratch: Path


@contextmanager
def workspace(attempt: AttemptRecord) -> Iterator[Workspace]:
    """Give a runner's empty directories, and remove them afterwards.

    Also remove those of earlier attempts, which stay behind if a process was killed. The run's own
    directory stays, because other tasks of the run may need it at the same time.
    """
    for number in range(1, attempt.number + 1):
        shutil.rmtree(attempt.run.attempt(attempt.task, number).work, ignore_errors=True)
    created = Workspace(attempt.work / "staging", attempt.work / "scratch")
    created.staging.mkdir(parents=True)
    created.scratch.mkdir()
    try:
        yield created
    finally:
        shutil.rmtree(attempt.work, ignore_errors=True)
