"""What the lake needs of a store; a disk and an object store each give it in their own way."""

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
    """Keep files under keys: relative paths with slashes.

    A file is whole and durable from the moment that it can be read. Whatever is wrong with the
    disk or the network is an `OSError`.
    """

    @property
    def options(self) -> Mapping[str, str]:
        """Return what Delta needs to know beside an address; it may hold secrets."""
        ...

    def address(self, key: str) -> str:
        """Return the URI under which other tools find a key."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Create a file in one step, or raise `FileExistsError` and leave what there is."""
        ...

    def read(self, key: str) -> bytes:
        """Return a file's content, or raise `FileNotFoundError`."""
        ...

    def find(self, key: str) -> Stored | None:
        """Return what is known of a file, or None if there is none."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files and folders directly in a folder, in order."""
        ...

    def walk(self, folder: str) -> Iterator[Stored]:
        """Yield every file in a folder and below it."""
        ...

    def drafts(self, folder: str) -> Iterator[Stored]:
        """Yield what writers that were killed have left directly in a folder."""
        ...

    def remove(self, key: str) -> None:
        """Remove a file, if there is one."""
        ...

    def writing(self, key: str) -> AbstractContextManager[Path]:
        """Give a local path for a new file, which is kept under the key unless something raises."""
        ...

    def flush(self, key: str) -> None:
        """Wait until what somebody else has written under a key is durable."""
        ...

    def local(self, key: str) -> Path:
        """Return a path on this host that holds the file; nobody may change it."""
        ...
