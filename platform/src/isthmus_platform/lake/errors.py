"""Errors of disks, networks and Delta as one sentence, and as an error that a retry may fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from isthmus_platform.errors import LakeUnavailableError, PlatformError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage.error_text import one_line


@contextmanager
def translated(lake: Lake) -> Iterator[None]:
    """Turn errors of the store, and of Delta, into `LakeUnavailableError`."""
    try:
        yield
    except PlatformError:
        raise
    except (OSError, _delta_error()) as error:
        problem = one_line(str(error))
        if isinstance(error, OSError) and error.strerror:
            problem = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise LakeUnavailableError(lake.address, problem) from error


def _delta_error() -> type[Exception]:
    # The DAG file opens a lake to read its releases, and Delta takes long to import.
    from deltalake.exceptions import DeltaError  # noqa: PLC0415

    return DeltaError
