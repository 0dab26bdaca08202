"""The lock of a state directory: one installation at a time, and its address."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from isthmus_platform.local_airflow.errors import InstallationError

_STOP_SECONDS = 20.0  # how long the watchdog of a starter that died needs to stop everything
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Describe the process that has the lock, and whether its installation is healthy yet."""

    pid: int
    url: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """Stand for an acquired lock; a process that inherits the descriptor keeps it acquired."""

    descriptor: int

    def write_owner(self, owner: LockOwner) -> None:
        """Write who has the lock, for a process that finds it locked."""
        text = json.dumps(asdict(owner)).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))


@contextmanager
def locked(home: Path, url: str) -> Iterator[Lock]:
    """Acquire an installation's lock for a block; raise `InstallationError` if another is up."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(_file(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, home)
        lock = Lock(descriptor)
        lock.write_owner(LockOwner(os.getpid(), url, healthy=False))
        yield lock
    finally:
        os.close(descriptor)


def lock_owner(home: Path) -> LockOwner | None:
    """Return who has the lock of an installation, or None if it is free."""
    try:
        descriptor = os.open(_file(home), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, home: Path) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read(descriptor)
            if (owner and psutil.pid_exists(owner.pid)) or time.monotonic() > deadline:
                raise InstallationError(_in_use(home, owner)) from None
            time.sleep(_POLL_SECONDS)  # its starter died, and its watchdog is stopping it
        else:
            return


def _in_use(home: Path, owner: LockOwner | None) -> str:
    if owner is None:
        return f"{home} is in use by another installation that is just starting; try again"
    return (
        f"an installation is already up on {home}: {owner.url}, process {owner.pid}; "
        "use it, or stop it with Ctrl-C where it was started"
    )


def _read(descriptor: int) -> LockOwner | None:
    try:
        return LockOwner(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None  # it is being written


def _file(home: Path) -> Path:
    return home / "up.lock"
