"""Results that the tasks of one run hand on to each other, on whatever host they run.

They are a runner's own: nobody here reads one, a runner believes none that does not prove what it
is, and once the run has published they are gone.
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
    """Return where a run's tasks for an interval, if it is for one, leave results for each other.

    Where each part of a run has its own tasks, they would have to fetch those of all others, too.
    """
    folder = lake.checkpoints(dataflow) / hashlib.sha256(run.encode()).hexdigest()[:32]
    return folder if interval is None else folder / f"{interval.start}_{interval.end}"


def save_intermediate(  # noqa: PLR0913 - from where, to where, and within which bounds
    folder: Location,
    directory: Path,
    name: str,
    most: int,
    *,
    below: str = ".",
    claimed: StagedFile | None = None,
) -> int:
    """Copy a result out of a runner's directory, or one `below` that; return its bytes.

    Raise `StagingError` if it is no plain file, has more bytes than `most`, or is not what was
    claimed; nothing is kept then.
    """
    if not _NAME.fullmatch(name):
        raise StagingError(str(directory), [f"{name!r} is no name of a result"])
    # Two tasks may hand on the same result at once; either copy will do.
    place = folder / f"{name}~{uuid4().hex[:8]}"
    with place.writing() as path, ThreadPoolExecutor(1) as hashing:
        copied = safe_copy(directory, str(PurePosixPath(below, name)), path, hashing, most).result()
        if claimed is not None and (copied.bytes, copied.sha256) != (claimed.bytes, claimed.sha256):
            problem = f"{name!r} has {copied.bytes} bytes and another digest than the result says"
            raise StagingError(str(directory), [problem])
        return copied.bytes


def save_intermediates(folder: Location, staging: Path, files: Iterable[StagedFile]) -> int:
    """Copy what a stage has staged, unless it is there; return the bytes of all of it.

    Raise `StagingError` for a file that is not as the result says.
    """
    there = {(name, each.bytes) for name, each in _largest(folder)}
    total = 0
    for file in files:
        total += file.bytes
        if (file.path, file.bytes) not in there:
            save_intermediate(folder, staging, file.path, file.bytes, claimed=file)
    return total


def intermediates_of(folder: Location) -> tuple[str, ...]:
    """Return paths on this host of what the run's tasks have left so far, one for each result."""
    return tuple(str(folder.store.local(each.key)) for _, each in _largest(folder))


def remove_intermediates(lake: Lake, dataflow: Identity, run: str) -> None:
    """Remove what the run's tasks have left."""
    folder = intermediates_folder(lake, dataflow, run)
    with translated(lake):
        for each in tuple(folder.walk()):
            lake.store.remove(each.key)


def _largest(folder: Location) -> Iterator[tuple[str, Stored]]:
    """Yield each result's name with its largest copy: another may have been left unfinished."""
    found: dict[str, Stored] = {}
    for each in sorted(folder.walk(), key=lambda each: each.bytes):
        found[each.key.rpartition("/")[2].rpartition("~")[0]] = each
    yield from found.items()
