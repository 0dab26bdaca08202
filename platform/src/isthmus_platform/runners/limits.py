"""How much a runner may take, and the sentence for one that took more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from isthmus_platform.runners.disk import bytes_below

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what a runner writes, and what it and all that it started hold in memory, in bytes."""

    disk: int | None = None
    memory: int | None = None

    def written_too_much(self, directories: Sequence[Path]) -> str | None:
        """Return what to say of a runner that has filled its directories, or None."""
        if self.disk is None or bytes_below(*directories) <= self.disk:
            return None
        return (
            f"the runner wrote more than {self.disk // MEGABYTE:,} MB; "
            "`disk_limit_megabytes` in the deployment's [runners] says how much it may"
        )

    def held_too_much(self, processes: Iterable[psutil.Process]) -> str | None:
        """Return what to say of a runner whose processes hold too much, or None."""
        if self.memory is None or sum(map(_resident, processes)) <= self.memory:
            return None
        return (
            f"the runner held more than {self.memory // MEGABYTE:,} MB of memory; "
            "`memory_megabytes` of the dataflow or stage in the deployment says how much it may"
        )


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_info().rss)
    return 0
