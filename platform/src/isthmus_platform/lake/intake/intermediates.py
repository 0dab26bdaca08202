"""Intermediates: results that one task of a run passes to the next, on whatever host it runs.

Only runners read intermediates, and a runner verifies each before it uses it. They are removed once
the run has published.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from uuid import uuid4

from isthmus_contracts import Identity, Interval
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import StagingError
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.safe_copy import safe_copy
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import Location, Stored

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def intermediates_folder(
    lake: Lake, dataflow: Identity, run: str, interval: Interval | None = None
) -> Location:
    """Return the folder of a run's intermediates, or of those for one interval of the run.

    With a folder for each interval, the tasks of one part do not fetch what other parts have left.
    """
    folder = lake.checkpoints(dataflow) / hashlib.sha256(run.encode()).hexdigest()[:32]
    return folder if interval is None else folder / f"{interval.start}_{interval.end}"


def save_intermediate(  # noqa: PLR0913 - from where, to where, and within which bounds
    folder: Location,
    directory: Path,
    name: str,
    limit: int,
    *,
    below: str = ".",
    claimed: StagedFile | None = None,
) -> int:
    """Copy a result out of a runner's directory, or its subdirectory `below`; return its bytes.

    Raise `StagingError`, and leave the folder as it was, for what is not a regular file, has more
    than `limit` bytes, or is not what was claimed.
    """
    if not _NAME.fullmatch(name):
        raise StagingError(str(directory), [f"{name!r} is not a valid name of a result"])
    # Two tasks may save the same result at once; either copy is good.
    place = folder / f"{name}~{uuid4().hex[:8]}"
    with place.writing() as path, ThreadPoolExecutor(1) as hashing:
        copied = safe_copy(
            directory, str(PurePosixPath(below, name)), path, hashing, limit
        ).result()
        if claimed is not None and (copied.bytes, copied.sha256) != (claimed.bytes, claimed.sha256):
            problem = f"{name!r} has {copied.bytes} bytes and another digest than the result says"
            raise StagingError(str(directory), [problem])
        return copied.bytes


def save_intermediates(folder: Location, staging: Path, files: Iterable[StagedFile]) -> int:
    """Copy what a stage has staged, unless the folder has it already; return the bytes of it all.

    Raise `StagingError` for a file that is not as the result says.
    """
    saved = {(name, stored.bytes) for name, stored in _largest(folder)}
    total = 0
    for file in files:
        total += file.bytes
        if (file.path, file.bytes) not in saved:
            save_intermediate(folder, staging, file.path, file.bytes, claimed=file)
    return total


def intermediates_of(folder: Location) -> tuple[str, ...]:
    """Return a path on this host for each result that the folder holds."""
    return tuple(str(folder.store.local(stored.key)) for _, stored in _largest(folder))


def remove_intermediates(lake: Lake, dataflow: Identity, run: str) -> None:
    """Remove all intermediates of a run."""
    folder = intermediates_folder(lake, dataflow, run)
    with translated(lake):
        for stored in tuple(folder.walk()):
            lake.store.remove(stored.key)


def _largest(folder: Location) -> Iterator[tuple[str, Stored]]:
    """Yield the name of each result with its largest copy: a killed task leaves smaller ones."""
    found: dict[str, Stored] = {}
    for stored in sorted(folder.walk(), key=lambda stored: stored.bytes):
        found[stored.key.rpartition("/")[2].rpartition("~")[0]] = stored
    yield from found.items()
