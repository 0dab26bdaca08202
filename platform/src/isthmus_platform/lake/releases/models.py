"""A release as a document: a version of every output of a dataflow, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus_contracts import Interval, ParamValue
from isthmus_platform.lake.delta.tables import TableFile
from isthmus_platform.lake.pins import Pin


@dataclass(frozen=True, slots=True)
class ReleasedPartition:
    """Say which run computed a partition of a table, and which files it consists of."""

    run: str
    files: tuple[TableFile, ...]

    @property
    def rows(self) -> int:
        """Return the number of rows of all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True, slots=True)
class ReleasedTable:
    """Pin a version of a table; `path` is its folder relative to the lake's root.

    A partitioned table names the partitions that have rows.
    """

    path: str
    version: int
    rows: int
    partitions: Mapping[str, ReleasedPartition] = field(default_factory=dict)

    def rows_of(self, partition: str | None) -> int | None:
        """Return the rows of a partition, None if it is missing, or those of the whole table."""
        if partition is None:
            return self.rows
        return self.partitions[partition].rows if partition in self.partitions else None


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
    release before.
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
    metrics: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...] = ()
    interval: Interval | None = None
