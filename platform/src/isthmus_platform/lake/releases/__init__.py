"""Releases: versions of every output of a dataflow, and the pointer to the current one.

`models` declares a release, `manifests` list the files of its tables, `pointer` is the log of which
release is current, and `queries` reads them. `publication` makes a release, after `gates`;
`partition_params` counts with which params its partitions were computed. `rollback` makes an
earlier one current again, `status` says which dataflows have read another than the current one.
`garbage_collection` removes old ones, keeps what `references` finds, and leaves `tombstones`.
`locate` gives the addresses for other tools, `diff` compares.
"""

from __future__ import annotations

from isthmus_platform.lake.releases.manifests import partitions_of
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedPartition,
    ReleasedTable,
)
from isthmus_platform.lake.releases.queries import current, pin, release, releases
from isthmus_platform.lake.releases.rollback import roll_back

__all__ = [
    "Release",
    "ReleasedFile",
    "ReleasedPartition",
    "ReleasedTable",
    "current",
    "partitions_of",
    "pin",
    "release",
    "releases",
    "roll_back",
]
