"""The outputs of a release and the places in the lake, as lines of text."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.storage import DiskStore, Location


def describe_outputs(release: Release, lake: Lake) -> list[str]:
    """Return a line for each output of a release: its rows or size and its location."""
    rows = [
        (
            name,
            f"{table.rows:,} rows",
            f"{display_location(lake.path(table.path))} (version {table.version})",
        )
        for name, table in release.tables.items()
    ]
    rows += [
        (name, f"{file.bytes:,} bytes", display_location(lake.path(file.path)))
        for name, file in release.files.items()
    ]
    for name, numbers in release.metrics.items():
        rows += [(name, f"{metric} {_number(value)}", "") for metric, value in numbers.items()]
    names, contents = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [
        f"{name:{names}}  {content:{contents}}  {place}".rstrip() for name, content, place in rows
    ]


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:,.6g}"


def display_location(place: Location) -> str:
    """Return a location in the lake as a person looks for it: a path, or an object's address."""
    return display_path(place.local()) if isinstance(place.store, DiskStore) else place.address


def display_path(path: Path) -> str:
    """Return a path relative to the working directory, if it is below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative
