"""Whether what a dataflow has published is up to date with the dataflows that it reads."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus_contracts import DataflowContract, Identity
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, last_move, read_move
from isthmus_platform.lake.releases.queries import read_release, withdrawal_of


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """Compare the release of an upstream dataflow that was read with the one that is current.

    `since` is when the current one became so. The one that was read is `withdrawn` if a rollback
    made an earlier one current.
    """

    dataflow: str
    read: str | None
    current: str | None
    since: str | None
    withdrawn: bool = False

    @property
    def is_behind(self) -> bool:
        """Say whether another release is current than the one that was read."""
        return self.current not in (None, self.read)

    def __str__(self) -> str:
        read = self.read or "none"
        withdrawn = ", which was withdrawn" if self.withdrawn else ""
        return (
            f"behind {self.dataflow}: it has read release {read}{withdrawn}; {self.current} is "
            f"current since {(self.since or '')[:10]}"
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Hold the current release of a dataflow, since when it is so, and what it has read.

    A dataflow that has published nothing has neither, and nothing to compare.
    """

    dataflow: str
    release: str | None = None
    run: str | None = None
    since: str | None = None
    upstream: tuple[UpstreamStatus, ...] = ()

    @property
    def behind(self) -> tuple[UpstreamStatus, ...]:
        """Return the upstream dataflows of which another release is current by now."""
        return tuple(upstream for upstream in self.upstream if upstream.is_behind)


def status_of(lake: Lake, dataflow: DataflowContract) -> Status:
    """Return what a dataflow has published, and what it has read for that."""
    name, pointer = str(dataflow.identity), lake.pointer(dataflow.identity)
    last = last_move(pointer)
    if last is None:
        return Status(name)
    release = read_release(lake, dataflow.identity, last.release)
    upstream = tuple(
        _upstream_status(lake, identity, _read_of(dataflow, release, identity))
        for identity in dataflow.upstream
    )
    return Status(name, release.id, release.run, _since(lake, dataflow.identity, last), upstream)


def _upstream_status(lake: Lake, dataflow: Identity, read: str | None) -> UpstreamStatus:
    last = last_move(lake.pointer(dataflow))
    if last is None:
        return UpstreamStatus(str(dataflow), read, None, None)
    withdrawn = read is not None and withdrawal_of(lake, dataflow, read) is not None
    since = _since(lake, dataflow, last)
    return UpstreamStatus(str(dataflow), read, last.release, since, withdrawn)


def _read_of(dataflow: DataflowContract, release: Release, upstream: Identity) -> str | None:
    """Return the release of an upstream dataflow that a release was computed from."""
    names = [declared.name for declared in dataflow.inputs if declared.source == upstream]
    read = (release.inputs[name].release for name in names if name in release.inputs)
    return next(read, None)


def _since(lake: Lake, dataflow: Identity, last: Move) -> str:
    """Return when the current release became so; garbage collection moves to the same one."""
    move = last
    while move.reason == "garbage-collection":
        move = read_move(lake.pointer(dataflow), move.number - 1)
    return move.at
