"""What the lake needs of a store; a disk and an object store each implement it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """Describe a file of a store: its key, its size, and when it was written."""

    key: str
    bytes: int
    modified: datetime


class Store(Protocol):
    """Store files under keys: relative paths with slashes.

    A file is whole and durable as soon as it can be read. Every failure of the disk or the network
    is an `OSError`.
    """

    @property
    def options(self) -> Mapping[str, str]:
        """Return the options that Delta needs beside an address; they may hold secrets."""
        ...

    def address(self, key: str) -> str:
        """Return the URI under which other tools find a key."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Create a file in one step, or raise `FileExistsError` and change nothing."""
        ...

    def read(self, key: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        ...

    def find(self, key: str) -> Stored | None:
        """Return size and time of a file, or None if there is no such file."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files and folders directly in a folder, in order."""
        ...

    def ordered_names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files directly in a folder, in order.

        The first names cost one request, however many there are.
        """
        ...

    def walk(self, folder: str) -> Iterator[Stored]:
        """Yield every file in a folder and below it, in any order; remember none of them."""
        ...

    def drafts(self, folder: str) -> Iterator[Stored]:
        """Yield the drafts that killed writers have left in a folder and below it."""
        ...

    def remove(self, *keys: str) -> None:
        """Remove those of the files that exist."""
        ...

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """Give a local path for a new file, which is stored there unless the block raises."""
        ...

    def flush(self, key: str) -> None:
        """Wait until a file that another library has written under a key is durable."""
        ...

    def local(self, key: str) -> Path:
        """Return a path on this host of the file; it must not be changed."""
        ...

    def local_folder(self, folder: str) -> Path:
        """Return a directory on this host, which exists, below which `local` has a folder's files.

        It may have other files, too.
        """
        ...
