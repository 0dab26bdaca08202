"""The lock of a state folder: one installation at a time, and where it answers."""

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

_STOPPING = 20.0  # seconds in which the watchdog of a starter that died stops everything
_INTERVAL = 0.1


@dataclass(frozen=True, slots=True)
class Holder:
    """Say who holds the lock, and whether the installation is healthy yet."""

    pid: int
    url: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """Hold the lock of a state folder; a process that inherits the descriptor holds it too."""

    descriptor: int

    def tell(self, holder: Holder) -> None:
        """Write who holds the lock, for those who find it taken."""
        text = json.dumps(asdict(holder)).encode()
        os.pwrite(self.descriptor, text, 0)
        os.ftruncate(self.descriptor, len(text))


@contextmanager
def locked(home: Path, url: str) -> Iterator[Lock]:
    """Hold the lock of an installation; raise `InstallationError` if another one is up."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(_file(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, home)
        lock = Lock(descriptor)
        lock.tell(Holder(os.getpid(), url, healthy=False))
        yield lock
    finally:
        os.close(descriptor)


def holder(home: Path) -> Holder | None:
    """Return who holds the lock of an installation, if anyone does."""
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


def _take(descriptor: int, home: Path) -> None:
    deadline = time.monotonic() + _STOPPING
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = _read(descriptor)
            if (other and psutil.pid_exists(other.pid)) or time.monotonic() > deadline:
                raise InstallationError(_taken(home, other)) from None
            time.sleep(_INTERVAL)  # its starter died, and its watchdog is stopping it
        else:
            return


def _taken(home: Path, other: Holder | None) -> str:
    if other is None:
        return f"{home} is in use by another installation that is just starting; try again"
    return (
        f"an installation is already up on {home}: {other.url}, process {other.pid}; "
        "use it, or stop it with Ctrl-C where it was started"
    )


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None  # it is just being written


def _file(home: Path) -> Path:
    return home / "up.lock"
