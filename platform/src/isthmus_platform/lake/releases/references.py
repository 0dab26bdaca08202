"""What remaining releases need: their files, and those of the versions that they read.

The names lie in a temporary database on this host's disk, so memory does not grow with them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager

from isthmus_contracts import Identity
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.manifests import manifests_of
from isthmus_platform.lake.releases.models import Release, document_of
from isthmus_platform.lake.releases.pointer import Move, last_move, moves_to
from isthmus_platform.storage import Location

_DOCUMENT = re.compile(r".*/([0-9a-z]+)/([1-9]\d*)\.json")


class References:
    """Remember the keys of needed files; what was added once is not read again."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._database.execute("CREATE TABLE needed (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def __contains__(self, key: str) -> bool:
        found = self._database.execute("SELECT 1 FROM needed WHERE key = ?", (key,))
        return found.fetchone() is not None

    def add(self, lake: Lake, except_old: Mapping[Identity, frozenset[str]]) -> None:
        """Add what the releases of all dataflows need, except those that are about to be removed.

        Raise `LakeError` for a document that cannot be read.
        """
        for dataflow in lake.dataflows():
            old = except_old.get(dataflow, frozenset())
            for release in remaining(lake, dataflow):
                place = document_of(lake, dataflow, release)
                if release not in old and self._is_new(place.key):
                    self._add_release(lake, read_document(Release, place))

    def _add_release(self, lake: Lake, release: Release) -> None:
        for manifest, files in manifests_of(lake, release):
            if self._is_new(manifest.key):
                self._add(files)
        self._add(lake.path(file.path) for file in release.files.values())
        for pin in release.inputs.values():
            if self._is_new(f"{pin.table} {pin.version}"):
                self._add(files_of(lake.path(pin.table), pin.version))

    def _add(self, files: Iterable[Location]) -> None:
        keys = ((file.key,) for file in files)
        self._database.executemany("INSERT OR IGNORE INTO needed VALUES (?)", keys)

    def _is_new(self, key: str) -> bool:
        cursor = self._database.execute("INSERT OR IGNORE INTO needed VALUES (?)", (key,))
        return cursor.rowcount == 1


@contextmanager
def references() -> Iterator[References]:
    """Give references to nothing yet; their database is gone afterwards."""
    with closing(sqlite3.connect("")) as database:
        yield References(database)


def remaining(lake: Lake, dataflow: Identity) -> Iterator[str]:
    """Yield the releases of a dataflow that exist, and those that may still be published."""
    pointer = lake.pointer(dataflow)
    last = last_move(pointer)
    if last is not None:
        yield from last.kept
        yield from (move.release for move in moves_to(pointer, last, last.oldest))
    yield from prepared(lake, dataflow, last)


def prepared(lake: Lake, dataflow: Identity, last: Move | None) -> Iterator[str]:
    """Yield the releases that a move after `last` may publish; no other can be published now."""
    for document in lake.releases(dataflow).walk():
        match = _DOCUMENT.fullmatch(document.key)
        if match and int(match[2]) > (last.number if last else 0):
            yield f"{match[1]}-{match[2]}"
