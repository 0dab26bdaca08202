"""A key in a store, with what can be done there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.storage.store import Store, Stored


@dataclass(frozen=True, slots=True)
class Location:
    """Name a file or folder of a store by its key."""

    store: Store
    key: str

    def __truediv__(self, name: str) -> Location:
        return Location(self.store, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """Return the last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def address(self) -> str:
        """Return the URI under which other tools find it."""
        return self.store.address(self.key)

    def find(self) -> Stored | None:
        """Return size and time of the file, or None if there is no such file."""
        return self.store.find(self.key)

    def names(self) -> tuple[str, ...]:
        """Return the names directly in the folder, in order."""
        return self.store.names(self.key)

    def ordered_names(self) -> Iterator[str]:
        """Yield the names of the files directly in the folder, in order."""
        return self.store.ordered_names(self.key)

    def walk(self) -> Iterator[Stored]:
        """Yield every file in the folder and below it."""
        return self.store.walk(self.key)

    def remove(self) -> None:
        """Remove the file, if it exists."""
        self.store.remove(self.key)

    def writing(self) -> AbstractContextManager[Path]:
        """Give a local path for a new file, which is stored unless the block raises."""
        return self.store.writing(self.key)

    def local(self) -> Path:
        """Return a path on this host of the file; it must not be changed."""
        return self.store.local(self.key)

    def local_folder(self) -> Path:
        """Return a directory on this host below which the folder's files are, or will be."""
        return self.store.local_folder(self.key)
