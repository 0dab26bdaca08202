"""A release as a document: a version of every output of a dataflow, and where they come from.

The id of a release is `<publication>-<number>`: the publication that made it, and the number of the
pointer's move that would publish it. So one move shows whether a release was published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus_contracts import Identity, Interval, ParamValue, Partitioning
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin, TableFile
from isthmus_platform.storage import Location

_ID = re.compile(r"[0-9a-z]+-([1-9]\d{0,7})")


@dataclass(frozen=True, slots=True)
class ReleasedPartition:
    """Say which run computed a partition of a table, with which params, into which files."""

    run: str
    files: tuple[TableFile, ...]
    params: Mapping[str, ParamValue] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Return the number of rows of all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True, slots=True)
class ReleasedTable:
    """Pin a version of a table; `path` is its folder relative to the lake's root.

    `columns` has the type of each column. `manifests` names the documents that list the files, by
    what the names of their partitions start with; `manifests.py` reads them. `params` has the
    number of partitions that were computed with the same params, by their JSON text.
    """

    path: str
    version: int
    rows: int
    columns: Mapping[str, str]
    manifests: Mapping[str, str] = field(default_factory=dict)
    partitioning: Partitioning | None = None
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """Pin a file; `path` is relative to the lake's root."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """Pin a version of every output of a dataflow, and say what it was computed from.

    `run` computed all of it except partitions outside its `interval`, which it took over from the
    release before. `code_version` is a digest of the transforms' code, and `revision` the git
    commit that the runner found it at, with `-dirty` if not all of the tree was committed.
    """

    id: str
    dataflow: str
    contract_version: str
    code_version: str
    run: str
    digest: str
    created_at: str
    params: Mapping[str, ParamValue]
    inputs: Mapping[str, Pin]
    tables: Mapping[str, ReleasedTable]
    files: Mapping[str, ReleasedFile]
    metrics: Mapping[str, Mapping[str, float | None]]
    warnings: tuple[str, ...] = ()
    interval: Interval | None = None
    revision: str | None = None


def number_of(release_id: str) -> int:
    """Return the number of the move that would publish a release, or 0 for what is not an id."""
    match = _ID.fullmatch(release_id)
    return int(match[1]) if match else 0


def document_of(lake: Lake, dataflow: Identity, release_id: str) -> Location:
    """Return the place of a release's document."""
    publication, _, number = release_id.partition("-")
    return lake.releases(dataflow) / publication / f"{number}.json"
