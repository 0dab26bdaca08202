"""Errors of disks, networks and Delta as one sentence, and as an error that a retry may fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError

from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage.error_text import one_line


@contextmanager
def translated(lake: Lake) -> Iterator[None]:
    """Turn errors of the store, and of Delta, into `LakeUnavailableError`."""
    try:
        yield
    except (OSError, DeltaError) as error:
        problem = one_line(str(error))
        if isinstance(error, OSError) and error.strerror:
            problem = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise LakeUnavailableError(lake.address, problem) from error
