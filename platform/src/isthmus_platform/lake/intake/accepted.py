"""What acceptance leaves of one run: the files and metrics that may be published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from isthmus_contracts import Interval
from isthmus_contracts.codec import serialize
from isthmus_platform.errors import PublicationError


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """Name a file in the lake by its path relative to the lake's root.

    Only files of tables have `rows`, and only those of partitioned tables a `partition`.
    """

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    partition: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedOutput:
    """Hold the files of a table or file, or the numbers of metrics."""

    name: str
    files: tuple[AcceptedFile, ...] = ()
    metrics: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Hold what one run of a dataflow may publish; tasks pass it on as plain JSON.

    `attempts` has an id for each attempt of transform whose outputs these are, which acceptance
    drew; `pins` is the id of the pins that they were computed from.
    """

    dataflow: str
    contract_version: str
    code_version: str
    run: str
    outputs: tuple[AcceptedOutput, ...]
    warnings: tuple[str, ...] = ()
    interval: Interval | None = None
    attempts: tuple[str, ...] = ()
    pins: str = ""
    revision: str | None = None

    def output(self, name: str) -> AcceptedOutput:
        """Return the output of that name, or raise `KeyError`."""
        return {output.name: output for output in self.outputs}[name]

    @property
    def digest(self) -> str:
        """Return a digest of the outputs' content, whatever their order and paths."""
        content = {
            output.name: {
                "files": sorted(
                    [file.sha256, file.bytes, file.rows or 0, file.partition or ""]
                    for file in output.files
                ),
                "metrics": output.metrics and dict(output.metrics),
            }
            for output in self.outputs
        }
        text = json.dumps([content, serialize(self.interval)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def join(parts: Sequence[Accepted], interval: Interval | None) -> Accepted:
    """Return what the tasks of one run accepted, each for a part of the interval, as one.

    Raise `PublicationError` if the parts do not make up the interval exactly, or are not of one
    run, contract and code.
    """
    first, *others = sorted(parts, key=_start)
    if not others and first.interval == interval:
        return first
    if len({part.pins for part in parts}) != 1:
        problem = "its parts were computed from different inputs; clear the whole run"
        raise PublicationError(first.dataflow, problem)
    makers = {(part.run, part.contract_version, part.code_version) for part in parts}
    if len(makers) != 1:
        versions = ", ".join(sorted({part.code_version for part in parts}))
        raise PublicationError(
            first.dataflow,
            f"its parts were computed by different code ({versions}); clear the whole run",
        )
    intervals = [part.interval for part in (first, *others)]
    if interval is None or _concatenated(intervals) != interval:
        shown = ", ".join(map(str, intervals))
        asked = interval or "everything"
        raise PublicationError(
            first.dataflow,
            f"its parts are {shown}; the run is for {asked}; clear the tasks that left nothing",
        )
    outputs = tuple(
        AcceptedOutput(
            output.name,
            tuple(file for part in parts for file in part.output(output.name).files),
        )
        for output in first.outputs
    )
    warnings = tuple(dict.fromkeys(warning for part in parts for warning in part.warnings))
    attempts = tuple(attempt for part in (first, *others) for attempt in part.attempts)
    return replace(first, outputs=outputs, warnings=warnings, interval=interval, attempts=attempts)


def _start(part: Accepted) -> date:
    return part.interval.start if part.interval else date.min


def _concatenated(intervals: Sequence[Interval | None]) -> Interval | None:
    """Return the interval that these make up in this order, or None for a gap or an overlap."""
    known = [interval for interval in intervals if interval is not None]
    has_gaps = any(earlier.end != later.start for earlier, later in pairwise(known))
    if len(known) < len(intervals) or not known or has_gaps:
        return None
    return Interval(known[0].start, known[-1].end)
