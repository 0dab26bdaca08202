"""Copies checkpoints into the lake while the runner computes, for a retry on another host."""

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
    """Name the directory of the checkpoints in the runner's home, and the most bytes to copy.

    The runner may write anything below its home, also a link.
    """

    home: Path
    below: str
    max_bytes: int


@contextmanager
def sync_checkpoints(
    lake: Lake,
    folder: Location,
    checkpoints: SyncedCheckpoints,
    warn: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> Iterator[Callable[[str], None]]:
    """Give a function that copies a checkpoint by its name into the folder, once.

    The function returns at once; the copies end before the context does, unless the task is
    cancelled. A checkpoint that cannot be copied is only logged: a retry computes it again.
    """
    started: set[str] = set()
    bytes_left = checkpoints.max_bytes

    def copy(name: str) -> None:
        nonlocal bytes_left
        try:
            with translated(lake):
                bytes_left -= save_intermediate(
                    folder, checkpoints.home, name, bytes_left, below=checkpoints.below
                )
        except (StagingError, LakeUnavailableError) as error:
            warn(f"a checkpoint was not copied to the lake: {error}")

    def sync(name: str) -> None:
        if name not in started:
            started.add(name)
            thread.submit(copy, name)

    thread = ThreadPoolExecutor(1)
    try:
        try:
            yield sync
        except Exception:
            if not is_cancelled():
                thread.shutdown()
            raise
        thread.shutdown()
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
