"""The interval that a run is for, and the parts of it that tasks compute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from isthmus_contracts import (
    DataflowContract,
    Interval,
    IntervalError,
    Partitioning,
    resolve_interval,
)
from isthmus_contracts.dataflows import INTERVAL_FIELDS


def run_interval(
    dataflow: DataflowContract,
    fields: Mapping[str, Any],  # a person's entries, which `resolve_interval` checks
    data_interval: tuple[datetime, datetime] | None,
) -> Interval | None:
    """Return the interval that a person asked for in `fields`, else that of the schedule.

    None stands for everything. Raise `IntervalError` if a person's interval cuts a partition.
    """
    if not dataflow.partitioned:
        return None
    start, end = (fields.get(name) for name in INTERVAL_FIELDS)
    if start is not None or end is not None:
        return resolve_interval(dataflow, start, end)
    if data_interval is None or data_interval[0] == data_interval[1]:
        return None
    return scheduled_interval(dataflow, *data_interval)


def run_params(dataflow: DataflowContract, fields: Mapping[str, object]) -> dict[str, object]:
    """Return the params of a run, without the fields that name its interval."""
    names = INTERVAL_FIELDS if dataflow.partitioned else ()
    return {name: value for name, value in fields.items() if name not in names}


def scheduled_interval(dataflow: DataflowContract, before: datetime, now: datetime) -> Interval:
    """Return the interval of the run of a schedule, given its time and the time before that.

    It has the partitions that ended in between, so that runs leave out none whatever the hour; if
    none did, it is the last whole partition.
    """
    coarsest = _coarsest(dataflow)
    start, end = (_partition(coarsest, _day(instant)).start for instant in (before, now))
    if start == end:
        start = _partition(coarsest, end - timedelta(days=1)).start
    return Interval(start, end)


def parts_of(dataflow: DataflowContract, interval: Interval | None) -> tuple[Interval | None, ...]:
    """Return the parts of an interval that can be computed separately, in order."""
    if interval is None:
        return (None,)
    coarsest = _coarsest(dataflow)
    return tuple(coarsest.interval(name) for name in coarsest.names(interval))


def check_fan_out(dataflow: DataflowContract, interval: Interval | None, most: int) -> None:
    """Raise `IntervalError` for more than `most` parts, for each of which there would be a task."""
    count = len(parts_of(dataflow, interval))
    if count > most:
        raise IntervalError(
            f"fan_out makes a task for each of {count:,} partitions, from {interval}; Airflow "
            f"allows {most:,}, its setting max_map_length in [core]; run for a shorter interval, "
            "or without fan_out"
        )


def _coarsest(dataflow: DataflowContract) -> Partitioning:
    """Return the partitioning of the longest partitions, whose names are the shortest."""
    partitionings = [table.partitioning for table in dataflow.partitioned if table.partitioning]
    return min(partitionings, key=lambda partitioning: len(partitioning.name(date.min)))


def _partition(partitioning: Partitioning, day: date) -> Interval:
    """Return the days of the partition that a day belongs to."""
    return partitioning.interval(partitioning.name(day))


def _day(instant: datetime) -> date:
    utc = instant.astimezone(UTC)
    return date(utc.year, utc.month, utc.day)  # Airflow's instants have a date type of their own
