"""Carrying what a runner keeps to where a retry on another host finds it, while the runner runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.errors import LakeUnavailableError, StagingError
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.intermediates import save_intermediate
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import Location


@dataclass(frozen=True, slots=True)
class SyncedCheckpoints:
    """Say where in its home a runner keeps results, and how many bytes of them are intermediates.

    What lies below the home is the runner's: it may put a link there, or write what it likes.
    """

    home: Path
    below: str
    most: int


@contextmanager
def sync_checkpoints(
    lake: Lake,
    folder: Location,
    kept: SyncedCheckpoints,
    warn: Callable[[str], None],
    is_stopped: Callable[[], bool],
) -> Iterator[Callable[[str], None]]:
    """Give a function that copies a result by name from what is kept into the folder, once.

    It returns at once; what was begun is finished before the context ends, unless the task is
    stopped. A result that cannot be copied is only told: whoever misses it computes it again.
    """
    begun: set[str] = set()
    left = kept.most

    def copy(name: str) -> None:
        nonlocal left
        try:
            with translated(lake):
                left -= save_intermediate(folder, kept.home, name, left, below=kept.below)
        except (StagingError, LakeUnavailableError) as error:
            warn(f"a result is not carried to other hosts: {error}")

    def sync(name: str) -> None:
        if name not in begun:
            begun.add(name)
            thread.submit(copy, name)

    thread = ThreadPoolExecutor(1)
    try:
        try:
            yield sync
        except Exception:
            if not is_stopped():
                thread.shutdown()
            raise
        thread.shutdown()
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
