"""Airflow as the platform team runs it: ingest, transform, publish.

This module offers reading what was published, in one import. Each function takes a dataflow's
`Identity`, or its name in the catalog: `flight_delays`, or `flight_delays.v1` for a major version.
Everything else is imported from its own module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus_platform.errors import PlatformError, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from isthmus_contracts import Identity
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.lake.releases import Release
    from isthmus_platform.lake.releases.locate import ReleaseLocations

__all__ = ["PlatformError", "UserError", "current", "locate", "open_lake", "releases"]

# Functions import what they need: each process of the platform imports this module first.


def open_lake(deployment: str | Path | None = None) -> Lake:
    """Open the lake of a deployment file, by default the one that `ISTHMUS_DEPLOYMENT` names.

    Raise `UserError` for a file that is not sound, or an Airflow connection that is not there, and
    `PlatformError` for a place where no lake was made, or where it is not mounted.
    """
    from pathlib import Path  # noqa: PLC0415

    from isthmus_platform import lake_access  # noqa: PLC0415
    from isthmus_platform.deployment import load_deployment  # noqa: PLC0415

    return lake_access.open_lake(load_deployment(None if deployment is None else Path(deployment)))


def current(lake: Lake, dataflow: str | Identity) -> Release | None:
    """Return the current release, or None if the dataflow has published nothing yet."""
    from isthmus_platform.lake import releases as published  # noqa: PLC0415

    return published.current(lake, _identity(dataflow))


def releases(lake: Lake, dataflow: str | Identity) -> tuple[tuple[Release, bool], ...]:
    """Return every published release, newest publication first, and whether it is current."""
    from isthmus_platform.lake import releases as published  # noqa: PLC0415

    return published.releases(lake, _identity(dataflow))


def locate(lake: Lake, dataflow: str | Identity, release: str | None = None) -> ReleaseLocations:
    """Return the URIs and versions of a release's tables and files, by default the current one's.

    Raise `UserError` before the first release or for a removed one, and `UnknownNameError` of
    isthmus_contracts for a dataflow or release that does not exist.
    """
    from isthmus_platform.lake.releases import locate as locations  # noqa: PLC0415

    return locations.locate(lake, _identity(dataflow), release)


def _identity(dataflow: str | Identity) -> Identity:
    from isthmus_contracts.catalog import CATALOG  # noqa: PLC0415

    return CATALOG.dataflow(dataflow).identity if isinstance(dataflow, str) else dataflow
