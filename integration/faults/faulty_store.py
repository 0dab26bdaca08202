"""Stores with one bug each, by name."""

from __future__ import annotations

import json
import time

from isthmus_platform.storage import DiskStore


class PointerFirst(DiskStore):
    """Move the pointer before the release is written."""

    late: dict[str, bytes] = {}  # noqa: RUF012 - shared in the process

    def create(self, key: str, content: bytes) -> None:
        if "/releases/" in key:
            self.late[key] = content
            return
        super().create(key, content)
        time.sleep(0.02)
        while "/pointers/" in key and self.late:
            super().create(*self.late.popitem())

    def read(self, key: str) -> bytes:
        return self.late[key] if key in self.late else super().read(key)


class StartsFromHead(DiskStore):
    """Let a run for an interval follow the newest version of a table despite a rollback."""

    def read(self, key: str) -> bytes:
        content = super().read(key)
        move = json.loads(content) if "/pointers/" in key else {}
        if move.get("reason") == "rollback":
            return json.dumps(move | {"release": move["previous"]}).encode()
        return content


class LosesMonths(DiskStore):
    """Move the pointer after a conflict without reading again, so that months are lost."""

    def create(self, key: str, content: bytes) -> None:
        try:
            super().create(key, content)
        except FileExistsError:
            folder, _, name = key.rpartition("/")
            if "/pointers/" not in key:
                raise
            move = json.loads(content)
            move["number"] += 1
            self.create(f"{folder}/{int(name[:8]) - 1:08}.json", json.dumps(move).encode())


class CollectsTooMuch(DiskStore):
    """Collect garbage without reading which files are needed."""

    def read(self, key: str) -> bytes:
        return b'{"partitions": {}}' if "/_manifests/" in key else super().read(key)


class HalfDocuments(DiskStore):
    """Write a document in small pieces under its final name."""

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
