"""Rolling back: making a release that was published once current again."""

from __future__ import annotations

from isthmus_contracts import Identity
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.pointer import append_move, last_move
from isthmus_platform.lake.releases.queries import check_exists


def roll_back(lake: Lake, dataflow: Identity, release_id: str, *, by: str) -> None:
    """Make a published release current again; `by` says who wants it.

    Raise `UnknownNameError` or `RemovedReleaseError` if there is no such release. If it is current,
    change nothing.
    """
    pointer = lake.pointer(dataflow)
    while True:
        last = last_move(pointer)
        check_exists(lake, dataflow, release_id, last)
        if last is not None and last.release == release_id:
            return
        if append_move(pointer, last, release_id, "rollback", by, clock=lake.clock):
            return
