"""The interval that a run is for, and the parts of it that tasks compute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from isthmus_contracts import DataflowContract, Interval, IntervalError, resolve_interval
from isthmus_contracts.dataflows import INTERVAL_FIELDS


def run_interval(
    dataflow: DataflowContract,
    fields: Mapping[str, Any],  # a person's entries, which `resolve_interval` checks
    data_interval: tuple[datetime, datetime] | None,
) -> Interval | None:
    """Return the interval that a person asked for in `fields`, else the scheduler's.

    None stands for everything. Raise `IntervalError` for an interval that cuts a partition.
    """
    if not dataflow.partitioned:
        return None
    start, end = (fields.get(name) for name in INTERVAL_FIELDS)
    if start is not None or end is not None:
        return resolve_interval(dataflow, start, end)
    if data_interval is None or data_interval[0] == data_interval[1]:
        return None
    interval = Interval(_day(data_interval[0]), _day(data_interval[1]))
    dataflow.check_interval(interval)
    return interval


def run_params(dataflow: DataflowContract, fields: Mapping[str, object]) -> dict[str, object]:
    """Return the params of a run, without the fields that name its interval."""
    names = INTERVAL_FIELDS if dataflow.partitioned else ()
    return {name: value for name, value in fields.items() if name not in names}


def parts_of(dataflow: DataflowContract, interval: Interval | None) -> tuple[Interval | None, ...]:
    """Return the parts of an interval that can be computed separately, in order."""
    if interval is None:
        return (None,)
    partitionings = [table.partitioning for table in dataflow.partitioned if table.partitioning]
    coarsest = min(partitionings, key=lambda partitioning: len(partitioning.names(interval)))
    return tuple(coarsest.interval(name) for name in coarsest.names(interval))


def _day(instant: datetime) -> date:
    utc = instant.astimezone(UTC)
    if utc.time() != time.min:
        raise IntervalError(
            f"the schedule makes an interval from {utc:%Y-%m-%d %H:%M} UTC; expected midnight"
        )
    return date(utc.year, utc.month, utc.day)  # Airflow's instants have a date type of their own
