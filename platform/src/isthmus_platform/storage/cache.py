"""Copies of objects on this host, and private directories for objects that are being written."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from isthmus_platform.storage.local_files import atomic_write

_PROTECTED_SECONDS = 24 * 3600
_ABANDONED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cache:
    """Hold copies below `root`, of which those that are not in use take at most `limit_bytes`.

    A copy that was used within a day stays whatever the limit: a run may be about to read it.
    """

    root: Path
    limit_bytes: int

    def copy(self, address: str, download: Callable[[Path], None]) -> Path:
        """Return the copy of an address; `download` writes a missing copy to a path.

        Many processes may do so at once: each sees a whole copy or none. The copy has the suffix of
        the address, and every user may read but not write it.
        """
        digest = hashlib.sha256(address.encode()).hexdigest()
        path = self._copies / digest[:2] / f"{digest[2:34]}{Path(urlsplit(address).path).suffix}"
        try:
            os.utime(path)
        except FileNotFoundError:
            self._open_to_all(path.parent)
            with atomic_write(path) as draft:
                download(draft)
                draft.chmod(0o444)
            self._shrink()
        return path

    def directory(self) -> Path:
        """Return the directory of the copies, which every user may enter."""
        self._open_to_all(self._copies)
        return self._copies

    @contextmanager
    def private(self) -> Iterator[Path]:
        """Give an empty directory that only this user may enter, and remove it afterwards."""
        self._open_to_all(self.root)
        directory = Path(tempfile.mkdtemp(prefix="writing-", dir=self.root))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def _copies(self) -> Path:
        return self.root / "copies"

    def _open_to_all(self, directory: Path) -> None:
        """Create a directory, and those between it and the root, which every user may enter."""
        if not directory.is_dir():
            if directory != self.root:
                self._open_to_all(directory.parent)
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o755)  # whatever the umask is

    def _shrink(self) -> None:
        """Remove the least recently used copies, and the directories of killed writers."""
        now = time.time()
        for directory in self.root.glob("writing-*"):
            if now - _used(directory) > _ABANDONED_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)
        copies = sorted(((_used(path), path) for path in self._copies.glob("*/*")), reverse=True)
        total = 0
        for used, path in copies:
            total += _size(path)
            if total > self.limit_bytes and now - used > _PROTECTED_SECONDS:
                path.unlink(missing_ok=True)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process has removed it
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
