"""The limits of a runner's disk usage and memory, and the messages for exceeding them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from isthmus_contracts.formatting import printable
from isthmus_platform.runners.unix_user import UnixUser
from isthmus_platform.runners.workspace import disk_usage

MEGABYTE = 1_000_000
_LONGEST = 500  # characters: a path may have thousands


@dataclass(frozen=True, slots=True)
class Limits:
    """Limit what a runner writes, and the memory of all its processes together, in bytes."""

    disk: int | None = None
    memory: int | None = None

    def disk_problem(self, directories: Sequence[Path], user: UnixUser | None) -> str | None:
        """Return the message for a runner whose directories exceed the limit, or None.

        A directory that cannot be listed may hold anything, so it exceeds the limit.
        """
        try:
            if self.disk is None or disk_usage(user, *directories) <= self.disk:
                return None
        except OSError as error:
            return printable(f"what the runner wrote cannot be measured: {error}")[:_LONGEST]
        return (
            f"the runner wrote more than {self.disk // MEGABYTE:,} MB; "
            "`disk_limit_megabytes` in the deployment's [runners] sets the limit"
        )

    def memory_problem(self, processes: Iterable[psutil.Process]) -> str | None:
        """Return the message for a runner whose processes exceed the limit, or None."""
        if self.memory is None or sum(map(_resident_bytes, processes)) <= self.memory:
            return None
        return (
            f"the runner used more than {self.memory // MEGABYTE:,} MB of memory; "
            "`memory_megabytes` of the dataflow or stage in the deployment sets the limit"
        )


def _resident_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_info().rss)
    return 0
