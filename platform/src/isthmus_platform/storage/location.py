"""A place in a store, for those who read and write there."""

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
        """Return what is known of the file, or None if there is none."""
        return self.store.find(self.key)

    def names(self) -> tuple[str, ...]:
        """Return the names directly in the folder, in order."""
        return self.store.names(self.key)

    def walk(self) -> Iterator[Stored]:
        """Yield every file in the folder and below it."""
        return self.store.walk(self.key)

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.store.remove(self.key)

    def writing(self) -> AbstractContextManager[Path]:
        """Give a local path for a new file, which is kept unless something raises."""
        return self.store.writing(self.key)

    def local(self) -> Path:
        """Return a path on this host that holds the file; nobody may change it."""
        return self.store.local(self.key)
