"""The interval that a run is for, and the parts of it that tasks compute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from airflow.sdk import Context

from isthmus_contracts import DataflowContract, Interval, IntervalError, resolve_interval
from isthmus_contracts.dataflows import INTERVAL_FIELDS

_BY_TIMETABLE = ("scheduled", "backfill")


def interval_of(dataflow: DataflowContract, context: Context) -> Interval | None:
    """Return what a run is for: what a person asked for, else Airflow's data interval.

    None is everything: no person named an interval, and no timetable with intervals made the run.
    Raise `IntervalError` for one that cuts a partition.
    """
    if not dataflow.partitioned:
        return None
    start, end = (context["params"].get(each) for each in INTERVAL_FIELDS)
    if start is not None or end is not None:
        return resolve_interval(dataflow, start, end)
    first, last = context.get("data_interval_start"), context.get("data_interval_end")
    by_timetable = context["dag_run"].run_type.value in _BY_TIMETABLE
    if not by_timetable or first is None or last is None or first == last:
        return None
    interval = Interval(_day(first), _day(last))
    dataflow.check_interval(interval)
    return interval


def params_of(dataflow: DataflowContract, context: Context) -> dict[str, object]:
    """Return the params of a run, without the fields that name its interval."""
    fields = INTERVAL_FIELDS if dataflow.partitioned else ()
    return {name: value for name, value in context["params"].items() if name not in fields}


def parts_of(dataflow: DataflowContract, interval: Interval | None) -> tuple[Interval | None, ...]:
    """Return the parts of an interval that can be computed apart, in order."""
    if interval is None:
        return (None,)
    partitionings = [table.partitioning for table in dataflow.partitioned if table.partitioning]
    coarsest = min(partitionings, key=lambda partitioning: len(partitioning.names(interval)))
    return tuple(coarsest.interval(name) for name in coarsest.names(interval))


def _day(instant: datetime) -> date:
    utc = instant.astimezone(UTC)
    if utc.time() != time.min:
        raise IntervalError(
            f"the schedule makes an interval from {utc:%Y-%m-%d %H:%M} UTC; right would be midnight"
        )
    return date(utc.year, utc.month, utc.day)  # Airflow's instants have dates of their own kind
