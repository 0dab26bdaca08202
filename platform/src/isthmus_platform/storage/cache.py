"""Copies of objects on this host, and a private place for what is being written."""

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

_STAYS_SECONDS = 24 * 3600
_ABANDONED_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cache:
    """Keep copies below `root`, at most `limit_bytes` of them as far as nobody uses them.

    What was used within a day stays, whatever the limit: a run may be about to read it.
    """

    root: Path
    limit_bytes: int

    def copy(self, address: str, download: Callable[[Path], None]) -> Path:
        """Return the copy of an address; `download` writes it to a path if it is not there.

        It may be used by many processes at once: each sees a copy that is whole, or none. It keeps
        its name's end, and may be read, and not written, by everybody.
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

    @contextmanager
    def private(self) -> Iterator[Path]:
        """Give an empty directory that only this user may enter, and that is gone afterwards."""
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
        """Create a directory, and those between it and the root, that everybody may enter."""
        if not directory.is_dir():
            if directory != self.root:
                self._open_to_all(directory.parent)
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o755)  # whatever new files are allowed here otherwise

    def _shrink(self) -> None:
        """Remove the copies that were used longest ago, and what killed writers have left."""
        now = time.time()
        for directory in self.root.glob("writing-*"):
            if now - _used(directory) > _ABANDONED_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)
        copies = sorted(((_used(path), path) for path in self._copies.glob("*/*")), reverse=True)
        total = 0
        for used, path in copies:
            total += _size(path)
            if total > self.limit_bytes and now - used > _STAYS_SECONDS:
                path.unlink(missing_ok=True)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another process was first
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
