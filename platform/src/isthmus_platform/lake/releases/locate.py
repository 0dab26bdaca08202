"""Reading a release with other tools: an address and a version for each table, a path per file.

All of it comes from one release document, so that nobody reads one table of today and another of
yesterday.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus_contracts import Identity
from isthmus_platform.errors import UserError
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake


@dataclass(frozen=True, slots=True)
class TableLocation:
    """Say where a Delta table is, and which version of it a release pins."""

    uri: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class ReleaseLocations:
    """Say where everything of one release is, as URIs."""

    dataflow: str
    release: str
    tables: Mapping[str, TableLocation]
    files: Mapping[str, str]


def find_release(lake: Lake, dataflow: Identity, release: str | None = None) -> releases.Release:
    """Return a published release, by default the current one.

    Raise `UserError` if there is none yet, `UnknownNameError` or `RemovedReleaseError` if there is
    no such release.
    """
    if release is not None:
        return releases.release(lake, dataflow, release)
    found = releases.current(lake, dataflow)
    if found is None:
        raise UserError(f"{dataflow} has published no release yet; run it first")
    return found


def locate(lake: Lake, dataflow: Identity, release: str | None = None) -> ReleaseLocations:
    """Return where the tables and files of a release are, by default of the current one.

    Read each table at its version: its newest one may belong to another release, or to none. Raise
    what `find_release` raises.
    """
    found = find_release(lake, dataflow, release)
    return ReleaseLocations(
        found.dataflow,
        found.id,
        {
            name: TableLocation(lake.path(table.path).address, table.version, table.rows)
            for name, table in found.tables.items()
        },
        {name: lake.path(file.path).address for name, file in found.files.items()},
    )
