"""Reading a release with other tools: a URI and a version for each table, a URI for each file.

All of them come from one release document, so that the tables that are read belong together.
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
    """Hold the URI of a Delta table, and the version and rows that a release pins."""

    uri: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class ReleaseLocations:
    """Hold the URIs of all tables and files of one release."""

    dataflow: str
    release: str
    tables: Mapping[str, TableLocation]
    files: Mapping[str, str]


def find_release(lake: Lake, dataflow: Identity, release: str | None = None) -> releases.Release:
    """Return a published release, by default the current one.

    Raise `UserError` before the first release, and `UnknownNameError` or `RemovedReleaseError` if
    there is no such release.
    """
    if release is not None:
        return releases.release(lake, dataflow, release)
    found = releases.current(lake, dataflow)
    if found is None:
        raise UserError(f"{dataflow} has published no release yet; run it first")
    return found


def locate(lake: Lake, dataflow: Identity, release: str | None = None) -> ReleaseLocations:
    """Return the URIs of the tables and files of a release, by default the current one.

    Read each table at its version: its newest version may belong to another release, or to none.
    Raise what `find_release` raises.
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
