"""Stores with a bug each, by its name."""

from __future__ import annotations

import json
import time

from isthmus_platform.storage import DiskStore


class PointerFirst(DiskStore):
    """Move the pointer before there is anything to point to."""

    late: dict[str, bytes] = {}  # noqa: RUF012 - of the process

    def create(self, key: str, content: bytes) -> None:
        if "/releases/" in key:
            self.late[key] = content
            return
        super().create(key, content)
        time.sleep(0.02)
        while "/pointer/" in key and self.late:
            super().create(*self.late.popitem())

    def read(self, key: str) -> bytes:
        return self.late[key] if key in self.late else super().read(key)


class StartsFromHead(DiskStore):
    """Let a run for an interval follow the newest version of a table, whoever rolled it back."""

    def read(self, key: str) -> bytes:
        content = super().read(key)
        move = json.loads(content) if "/pointer/" in key else {}
        if move.get("reason") == "rollback":
            return json.dumps(move | {"release": move["previous"]}).encode()
        return content


class LosesMonths(DiskStore):
    """Move the pointer, once overtaken, to the release that follows another than what is there."""

    def create(self, key: str, content: bytes) -> None:
        try:
            super().create(key, content)
        except FileExistsError:
            folder, _, name = key.rpartition("/")
            if not folder.endswith("/pointer"):
                raise
            self.create(f"{folder}/{int(name[:8]) + 1:08}.json", content)


class CollectsTooMuch(DiskStore):
    """Clean without asking which files are needed."""

    def names(self, folder: str) -> tuple[str, ...]:
        return () if folder.endswith("/releases") else super().names(folder)


class HalfDocuments(DiskStore):
    """Write a document where readers look for it, little by little."""

    def create(self, key: str, content: bytes) -> None:
        path = self.local(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
        for start in range(0, len(content), 100):
            with path.open("ab") as file:
                file.write(content[start : start + 100])
            time.sleep(0.005)


STORES: dict[str, type[DiskStore]] = {
    "pointer-first": PointerFirst,
    "starts-from-head": StartsFromHead,
    "loses-months": LosesMonths,
    "collects-too-much": CollectsTooMuch,
    "half-documents": HalfDocuments,
}
