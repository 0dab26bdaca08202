"""The workspace of an attempt: the directories that its runner writes in."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.errors import RunnerError
from isthmus_platform.runners import directories
from isthmus_platform.runners.unix_user import SUPERVISOR_ENVIRONMENT, UnixUser, command_as
from isthmus_platform.runs.record import AttemptRecord

_DIRECTORIES = Path(directories.__file__)
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Workspace:
    """Name a runner's directories: for the files that it stages, and for temporary files."""

    staging: Path
    scratch: Path


@contextmanager
def workspace(attempt: AttemptRecord, user: UnixUser | None) -> Iterator[Workspace]:
    """Give the empty directories of a runner that runs as this user, and remove them afterwards.

    Also remove those of earlier attempts, which stay behind if a process was killed. The run's own
    directory stays, because other tasks of the run may need it at the same time.

    Raise `RunnerError` if directories of an earlier attempt cannot be removed.
    """
    for number in range(1, attempt.number + 1):
        _remove(_of(attempt.run.attempt(attempt.task, number)), user)
    created = _of(attempt)
    created.staging.mkdir(parents=True)
    created.scratch.mkdir()
    try:
        yield created
    finally:
        with contextlib.suppress(RunnerError):  # the next attempt says so, if there is one
            _remove(created, user)


def disk_usage(user: UnixUser | None, *places: Path) -> int:
    """Return the bytes in and below directories in which this user writes.

    Raise `OSError` for a directory that neither this process nor the user can list.
    """
    names = tuple(map(str, places))
    try:
        return directories.usage(*names)
    except PermissionError:
        if user is None or user.is_this_process:
            raise
        return int(_as_user(user, "usage", names))


def _of(attempt: AttemptRecord) -> Workspace:
    return Workspace(attempt.work / "staging", attempt.work / "scratch")


def _remove(found: Workspace, user: UnixUser | None) -> None:
    work = found.staging.parent
    if not os.path.lexists(work):
        return
    try:
        if user is not None and not user.is_this_process:
            own = (found.staging, found.scratch)
            places = [str(place) for place in own if place.is_dir() and not place.is_symlink()]
            _as_user(user, "empty", tuple(places))
        directories.empty(str(work))
        work.rmdir()
    except OSError as error:
        raise RunnerError(f"{work}, which a runner left, cannot be removed: {error}") from None


def _as_user(user: UnixUser, command: str, places: tuple[str, ...]) -> str:
    """Execute a command of `directories` as the user; return its output, or raise `OSError`."""
    try:
        done = subprocess.run(
            command_as(user, _DIRECTORIES, command, *places),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=SUPERVISOR_ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise PermissionError(lines[-1] if lines else f"exit status {done.returncode}")
    return done.stdout
