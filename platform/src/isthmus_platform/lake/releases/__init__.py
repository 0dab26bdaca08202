"""Releases: versions of every output of a dataflow, and the pointer to the current one."""

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
