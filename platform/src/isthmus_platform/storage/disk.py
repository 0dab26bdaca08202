"""A store on a local disk, which survives a power cut."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from isthmus_platform.storage.local_files import atomic_write, flush, make_directory
from isthmus_platform.storage.store import Stored

_DRAFT = re.compile(r"\..+\.[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class DiskStore:
    """Store files below `root`, an absolute directory."""

    root: Path

    @property
    def options(self) -> Mapping[str, str]:
        """Return no options: Delta needs only a path."""
        return {}

    def address(self, key: str) -> str:
        """Return a `file:` URI."""
        return self.local(key).absolute().as_uri()

    def create(self, key: str, content: bytes) -> None:
        """Create a file in one step: a hard link to a whole and durable draft."""
        path = self.local(key)
        make_directory(path.parent)
        with atomic_write(path, durable=True, overwrite=False) as draft:
            draft.write_bytes(content)

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        return self.local(key).read_bytes()

    def find(self, key: str) -> Stored | None:
        """Return size and time of a regular file; a link is not one."""
        try:
            status = self.local(key).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _stored(key, status)

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names in a folder except drafts."""
        return tuple(self.ordered_names(folder))

    def ordered_names(self, folder: str) -> Iterator[str]:
        """Yield the names in a folder except drafts."""
        try:
            found = os.listdir(self.local(folder))  # noqa: PTH208 - a name is all that is wanted
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from (name for name in sorted(found) if not _DRAFT.fullmatch(name))

    def walk(self, folder: str) -> Iterator[Stored]:
        """Yield every regular file below a folder, as the system lists them."""
        folders = [folder]
        while folders:
            parent = folders.pop()
            try:
                entries = os.scandir(self.local(parent))
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    key = f"{parent}/{entry.name}" if parent else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(key)
                        continue
                    with suppress(FileNotFoundError):  # it has just been removed
                        if stored := _stored(key, entry.stat(follow_symlinks=False)):
                            yield stored

    def drafts(self, folder: str) -> Iterator[Stored]:
        """Yield the drafts of files whose writers were killed."""
        for stored in self.walk(folder):
            if _DRAFT.fullmatch(stored.key.rpartition("/")[2]):
                yield stored

    def remove(self, *keys: str) -> None:
        """Remove files."""
        for key in keys:
            with suppress(FileNotFoundError):
                os.unlink(f"{self.root}/{key}")  # noqa: PTH108 - a Path's names stay in memory

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Give the file's own path; afterwards the file is durable and read-only."""
        path = self.local(key)
        make_directory(path.parent)
        try:
            yield path
            path.chmod(0o444)
            flush(path)
            flush(path.parent)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def flush(self, key: str) -> None:
        """Wait until a file, its name, and the name of its folder have reached the disk."""
        path = self.local(key)
        for part in (path, path.parent, path.parent.parent):
            flush(part)

    def local(self, key: str) -> Path:
        """Return the file's own path."""
        return self.root / key

    def local_folder(self, folder: str) -> Path:
        """Return the folder's own path."""
        path = self.local(folder)
        make_directory(path)
        return path


def _stored(key: str, status: os.stat_result) -> Stored | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
