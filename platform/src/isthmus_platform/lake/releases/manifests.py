"""Manifests: the documents that list the files of a released table.

A manifest lists the partitions whose names differ only in their last part: the days of a month, the
months of a year, or all years; the name of their rest is the manifest's key. A table without
partitions has one manifest, with one part, both under an empty name. A release shares the manifests
that its run did not change with the release before, so it costs what it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release, ReleasedPartition, ReleasedTable
from isthmus_platform.storage import Location

Partitions = Mapping[str, ReleasedPartition]


@dataclass(frozen=True, slots=True)
class Manifest:
    """List partitions by name."""

    partitions: Partitions


def key_of(partition: str) -> str:
    """Return the key of the manifest that lists a partition: `2013` for `2013-01`."""
    return partition.rpartition("-")[0]


def write_manifests(lake: Lake, path: str, partitions: Partitions) -> dict[str, str]:
    """Write the manifests that list these partitions, and return the name of each by its key."""
    groups: dict[str, dict[str, ReleasedPartition]] = {}
    for name, partition in sorted(partitions.items()):
        groups.setdefault(key_of(name), {})[name] = partition
    return {key: _write(lake, path, group) for key, group in groups.items()}


def replace_partitions(
    lake: Lake, table: ReleasedTable, names: Collection[str], new: Partitions
) -> tuple[dict[str, str], tuple[ReleasedPartition, ...]]:
    """Write the manifests that change where `new` takes the place of the named partitions.

    Return the names of all manifests by their keys, and the partitions that were replaced.
    """
    keys = dict.fromkeys(map(key_of, names))
    listed = _listed(lake, table, keys)
    replaced = tuple(listed.pop(name) for name in names if name in listed)
    same = {key: name for key, name in table.manifests.items() if key not in keys}
    written = write_manifests(lake, table.path, {**listed, **new})
    return dict(sorted((same | written).items())), replaced


def read_manifest(lake: Lake, table: ReleasedTable, key: str) -> Partitions:
    """Return the partitions that a table's manifest lists, none if it has no such manifest."""
    if key not in table.manifests:
        return {}
    return read_document(Manifest, _place(lake, table.path, table.manifests[key])).partitions


def partitions_of(
    lake: Lake, table: ReleasedTable, unread: Collection[str] = frozenset()
) -> dict[str, ReleasedPartition]:
    """Return every partition of a table that has rows, in order, but those in `unread` manifests.

    A table without partitions is one, with an empty name.
    """
    keys = sorted(key for key, name in table.manifests.items() if name not in unread)
    return _listed(lake, table, keys)


def find_partitions(
    lake: Lake, table: ReleasedTable, names: Collection[str]
) -> dict[str, ReleasedPartition]:
    """Return those of the named partitions that a table has."""
    found = _listed(lake, table, dict.fromkeys(map(key_of, names)))
    return {name: found[name] for name in names if name in found}


def own_files(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield the files of a release that its own run wrote, without those of earlier partitions."""
    for table in release.tables.values():
        keys: Collection[str] = table.manifests
        if table.partitioning is not None and release.interval is not None:
            keys = {*map(key_of, table.partitioning.names(release.interval))}.intersection(keys)
        for key in keys:
            yield _place(lake, table.path, table.manifests[key])
            for partition in read_manifest(lake, table, key).values():
                if partition.run == release.run:
                    yield from _files(lake, table, partition)
    for released in release.files.values():
        yield lake.path(released.path)


def manifests_of(lake: Lake, release: Release) -> Iterator[tuple[Location, Iterator[Location]]]:
    """Yield each manifest of a release, and the files that it lists, which are read if wanted."""
    for table in release.tables.values():
        for key, name in table.manifests.items():
            yield _place(lake, table.path, name), _manifest_files(lake, table, key)


def all_files(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield every file that a release consists of, and the manifests that list them."""
    for manifest, files in manifests_of(lake, release):
        yield manifest
        yield from files
    for released in release.files.values():
        yield lake.path(released.path)


def _manifest_files(lake: Lake, table: ReleasedTable, key: str) -> Iterator[Location]:
    for partition in read_manifest(lake, table, key).values():
        yield from _files(lake, table, partition)


def _files(lake: Lake, table: ReleasedTable, partition: ReleasedPartition) -> Iterator[Location]:
    folder = lake.path(table.path)
    yield from (folder / file.name for file in partition.files)


def _listed(
    lake: Lake, table: ReleasedTable, keys: Collection[str]
) -> dict[str, ReleasedPartition]:
    return {
        name: partition
        for key in keys
        for name, partition in read_manifest(lake, table, key).items()
    }


def _write(lake: Lake, path: str, partitions: Partitions) -> str:
    name = uuid4().hex
    with suppress(FileExistsError):  # the answer to the first request was lost
        write_once(_place(lake, path, name), Manifest(partitions))
    return name


def _place(lake: Lake, path: str, name: str) -> Location:
    return lake.manifests(path) / f"{name}.json"
