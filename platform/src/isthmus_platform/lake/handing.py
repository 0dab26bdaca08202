"""Results that the tasks of one run hand on to each other, on whatever host they run.

They are a runner's own: nobody here reads one, a runner believes none that does not prove what it
is, and once the run has published they are gone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import Identity
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import SpoolError
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.takeover import examine, take_over
from isthmus_platform.lake.trouble import usable
from isthmus_platform.storage import Location

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def folder_of(lake: Lake, dataflow: Identity, run: str) -> Location:
    """Return where a run's tasks leave results for each other."""
    return lake.checkpoints(dataflow) / hashlib.sha256(run.encode()).hexdigest()[:32]


def hand_on(
    folder: Location, directory: Path, name: str, claimed: StagedFile | None = None
) -> None:
    """Copy a result out of a runner's directory.

    Raise `SpoolError` if it is no plain file, or not what was claimed; nothing is kept then.
    """
    if not _NAME.fullmatch(name):
        raise SpoolError(str(directory), [f"{name!r} is no name of a result"])
    # Two tasks may hand on the same result at once; either copy will do.
    with (folder / f"{name}~{uuid4().hex[:8]}").writing() as path:
        take_over(directory, name, path)
        taken = examine(path)
        if claimed is not None and (taken.bytes, taken.sha256) != (claimed.bytes, claimed.sha256):
            problem = f"{name!r} has {taken.bytes} bytes and another digest than the result says"
            raise SpoolError(str(directory), [problem])


def hand_on_stage(folder: Location, spool: Path, files: Iterable[StagedFile]) -> int:
    """Copy what a stage has staged, unless it is there; return the bytes of all of it.

    Raise `SpoolError` for a file that is not as the result says.
    """
    there = {_named(each.key): each.bytes for each in folder.walk()}
    total = 0
    for file in files:
        total += file.bytes
        if there.get(file.path) != file.bytes:
            hand_on(folder, spool, file.path, file)
    return total


def handed_on(folder: Location) -> tuple[str, ...]:
    """Return paths on this host of what the run's tasks have left so far, one for each result."""
    files = {_named(each): folder / each for each in folder.names()}
    return tuple(str(each.local()) for each in files.values())


def forget(lake: Lake, dataflow: Identity, run: str) -> None:
    """Remove what the run's tasks have left."""
    folder = folder_of(lake, dataflow, run)
    with usable(lake):
        for each in tuple(folder.walk()):
            lake.store.remove(each.key)


def _named(key: str) -> str:
    return key.rpartition("/")[2].rpartition("~")[0]
