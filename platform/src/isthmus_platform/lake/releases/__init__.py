"""Releases: versions of every output of a dataflow, and the pointer to the current one.

`models` declares a release, `pointer` is the log of which one is current, and `queries` reads both
and rolls back. `publication` makes a release, after `gates`; `garbage_collection` removes old ones
and leaves `tombstones`. `locate` gives the addresses for other tools, `diff` compares.
"""

from __future__ import annotations

from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
)
from isthmus_platform.lake.releases.queries import current, pin, release, releases, rollback

__all__ = [
    "Release",
    "ReleasedFile",
    "ReleasedPartition",
    "ReleasedTable",
    "current",
    "pin",
    "release",
    "releases",
    "rollback",
]
