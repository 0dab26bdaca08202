"""The marker of a lake: the document by which a lake is told from an empty or unmounted place."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from isthmus_platform.errors import LakeError, NoLakeError
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """Say in which format a lake is, and when it was made."""

    format: int
    created_at: str


def make_lake(lake: Lake) -> None:
    """Make an empty lake, unless it is a lake already.

    Raise `LakeError` for a place that has the folders of a lake, but no marker.
    """
    with suppress(NoLakeError):
        check_lake(lake)
        return
    with translated(lake):
        if found := lake.folders():
            raise LakeError(
                lake.address,
                f"has {', '.join(found)}, but no {lake.marker().name}: if it is a lake of another "
                "version, choose another place; else restore the marker from a backup",
            )
        with suppress(FileExistsError):  # somebody else has just made it
            write_once(lake.marker(), Marker(_FORMAT, lake.clock().isoformat()))


def check_lake(lake: Lake) -> None:
    """Raise `NoLakeError` for a place without a marker, `LakeError` for another format."""
    with translated(lake):
        try:
            marker = read_document(Marker, lake.marker())
        except (FileNotFoundError, NotADirectoryError):
            raise NoLakeError(lake.address, lake.marker().name) from None
    if marker.format != _FORMAT:
        problem = f"is a lake of format {marker.format}; this version reads format {_FORMAT}"
        raise LakeError(lake.address, problem)
