"""Carrying what a runner keeps to where a retry on another host finds it, while the runner runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from isthmus_platform.errors import LakeUnavailableError, SpoolError
from isthmus_platform.lake.handing import hand_on
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.trouble import usable
from isthmus_platform.storage import Location


@contextmanager
def carrying(
    lake: Lake, folder: Location, directory: Path, warn: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """Give a function that copies a result by name from the runner's directory into the folder.

    It returns at once; what was begun is finished before the context ends. A result that cannot be
    copied is only told: whoever misses it computes it again.
    """

    def copy(name: str) -> None:
        try:
            with usable(lake):
                hand_on(folder, directory, name)
        except (SpoolError, LakeUnavailableError) as error:
            warn(f"a result is not carried to other hosts: {error}")

    with ThreadPoolExecutor(1) as thread:

        def carry(name: str) -> None:
            thread.submit(copy, name)

        yield carry
