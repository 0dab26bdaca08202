"""The check that a partitioned dataflow computes the same by parts as at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from isthmus_contracts.dataflows import DataflowContract
from isthmus_contracts.errors import IntervalError
from isthmus_contracts.partitions import Interval
from isthmus_contracts.protocol import StagedOutput

_Parts: TypeAlias = Mapping[tuple[str, str | None], str]


def check_parts(
    dataflow: DataflowContract, stage: Callable[[Interval | None], Iterable[StagedOutput]]
) -> None:
    """Expect that each partition is the same file, whatever the interval of the run it comes from.

    `stage` computes the dataflow for an interval, or for everything, and returns what it staged;
    its inputs have to make two partitions at least. Raise `AssertionError` with a sentence.
    """
    whole = _digests(dataflow, stage(None))
    spans = [span for span in _spans(dataflow, whole) if _fits(dataflow, span)]
    if len(spans) < 2:  # noqa: PLR2004 - one part is the whole
        raise AssertionError(f"there are {len(spans)} parts to compute; two are needed at least")
    for interval in (*spans, Interval(spans[0].start, spans[-1].end)):
        due = {part: digest for part, digest in whole.items() if part in _asked(dataflow, interval)}
        made = _digests(dataflow, stage(interval))
        for table, name in sorted({*due, *made}, key=str):
            if due.get((table, name)) != made.get((table, name)):
                raise AssertionError(
                    f"partition {name!r} of table {table!r} differs between a run for everything "
                    f"and one for {interval}"
                )


def _digests(dataflow: DataflowContract, outputs: Iterable[StagedOutput]) -> _Parts:
    tables = {table.name for table in dataflow.partitioned}
    return {
        (output.name, file.partition): file.sha256
        for output in outputs
        if output.name in tables
        for file in output.files
    }


def _spans(dataflow: DataflowContract, parts: _Parts) -> list[Interval]:
    by = {table.name: table.partitioning for table in dataflow.partitioned}
    spans = {
        partitioning.interval(name or "") for table, name in parts if (partitioning := by[table])
    }
    return sorted(spans, key=lambda interval: (interval.start, interval.end))


def _fits(dataflow: DataflowContract, interval: Interval) -> bool:
    try:
        dataflow.check_interval(interval)
    except IntervalError:
        return False
    return True


def _asked(dataflow: DataflowContract, interval: Interval) -> set[tuple[str, str | None]]:
    return {
        (table.name, name)
        for table in dataflow.partitioned
        if table.partitioning is not None
        for name in table.partitioning.names(interval)
    }
