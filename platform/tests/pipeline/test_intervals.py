"""For which interval a run is, and into which parts it can be split."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import DataflowContract, Interval, IntervalError, Partitioning, Table
from isthmus_contracts.partitions import Granularity
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, STATION_DAYS
from isthmus_platform.pipeline.intervals import (
    check_fan_out,
    parts_of,
    run_interval,
    run_params,
    scheduled_interval,
)

(DAYS,) = COURIER_DAYS.partitioned
JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
QUARTER = Interval(date(2013, 1, 1), date(2013, 4, 1))
FIELDS = {"interval_start": "2013-01-01", "interval_end": "2013-02-01"}
START = datetime(2013, 1, 1, tzinfo=UTC)


def test_the_interval_is_the_schedulers_unless_a_person_asks_for_one() -> None:
    scheduled = (START, START + timedelta(90))
    assert run_interval(COURIER_DAYS, {}, scheduled) == QUARTER
    assert run_interval(COURIER_DAYS, FIELDS, scheduled) == JANUARY
    assert run_interval(COURIER_DAYS, FIELDS, None) == JANUARY


def test_without_an_interval_a_run_is_for_everything() -> None:
    assert run_interval(COURIER_DAYS, {}, None) is None
    assert run_interval(COURIER_DAYS, {}, (START, START)) is None
    assert run_interval(STATION_DAYS, FIELDS, (START, START + timedelta(31))) is None


def by(*granularities: Granularity) -> DataflowContract:
    """Return a dataflow with a table for each of these partitionings."""
    outputs = tuple(
        replace(DAYS, name=granularity, partitioning=Partitioning("date", granularity))
        for granularity in granularities
    )
    return replace(COURIER_DAYS, outputs=outputs)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("granularity", "before", "now", "interval"),
    [
        # At 04:30 each day: the day before.
        ("day", "2026-03-01T04:30", "2026-03-02T04:30", "2026-03-01 to before 2026-03-02"),
        # On Mondays at 04:30: the seven days before.
        ("day", "2026-02-23T04:30", "2026-03-02T04:30", "2026-02-23 to before 2026-03-02"),
        # Each hour: the day before, until it ends.
        ("day", "2026-03-01T03:00", "2026-03-01T04:00", "2026-02-28 to before 2026-03-01"),
        ("day", "2026-02-28T23:00", "2026-03-01T00:00", "2026-02-28 to before 2026-03-01"),
        # At midnight, as before.
        ("day", "2026-03-01T00:00", "2026-03-02T00:00", "2026-03-01 to before 2026-03-02"),
        ("month", "2026-02-01T00:00", "2026-03-01T00:00", "2026-02-01 to before 2026-03-01"),
        # On the third of each month, and each day: the month before.
        ("month", "2026-02-03T04:30", "2026-03-03T04:30", "2026-02-01 to before 2026-03-01"),
        ("month", "2026-03-02T04:30", "2026-03-03T04:30", "2026-02-01 to before 2026-03-01"),
        ("year", "2026-03-02T04:30", "2026-03-03T04:30", "2025-01-01 to before 2026-01-01"),
    ],
)
def test_a_schedule_at_any_hour_is_for_the_partitions_that_have_ended(
    granularity: Granularity, before: str, now: str, interval: str
) -> None:
    contract = by(granularity)
    found = scheduled_interval(contract, at(before), at(now))
    assert str(found) == interval
    contract.check_interval(found)
    assert run_interval(contract, {}, (at(before), at(now))) == found


@given(
    st.integers(1, 40),
    st.datetimes(datetime(2020, 1, 1), datetime(2022, 1, 1)),  # noqa: DTZ001 - UTC, see below
    st.sampled_from(["day", "month", "year"]),
)
def test_runs_one_after_another_leave_out_no_partition_and_repeat_none_that_they_need_not(
    hours: int, start: datetime, granularity: Granularity
) -> None:
    contract = by(granularity)
    times = [start.replace(tzinfo=UTC) + timedelta(hours=hours * number) for number in range(60)]
    found = [scheduled_interval(contract, *pair) for pair in pairwise(times)]
    for earlier, later in pairwise(found):
        assert later.start in (earlier.start, earlier.end)
        assert later.start == earlier.end or later == earlier or earlier.end == later.end
    assert found[-1].end <= times[-1].date()


def test_the_longest_partitions_decide() -> None:
    found = scheduled_interval(by("day", "month"), at("2026-03-01T04:30"), at("2026-03-02T04:30"))
    assert str(found) == "2026-02-01 to before 2026-03-01"


def test_an_interval_of_a_person_that_cuts_a_partition_is_refused() -> None:
    fields = {"interval_start": "2013-01-01", "interval_end": "2013-01-31"}
    with pytest.raises(IntervalError, match="cuts the month 2013-01"):
        run_interval(COURIER_DAYS, fields, None)


def test_more_parts_than_airflow_maps_a_task_over_are_refused() -> None:
    days = by("day")
    most = Interval(date(2020, 1, 1), date(2020, 1, 1) + timedelta(1024))
    check_fan_out(days, most, 1024)
    check_fan_out(days, None, 1024)
    one_more = Interval(most.start, most.end + timedelta(1))
    with pytest.raises(
        IntervalError,
        match=r"a task for each of 1,025 partitions, from 2020-01-01 to before 2022-10-22; Airflow "
        r"allows 1,024, its setting max_map_length in \[core\]; run for a shorter interval, or wi",
    ):
        check_fan_out(days, one_more, 1024)


def test_the_fields_of_the_interval_are_not_params() -> None:
    assert run_params(COURIER_DAYS, {"model": "x", **FIELDS}) == {"model": "x"}
    assert run_params(STATION_DAYS, FIELDS) == FIELDS


def test_the_parts_of_an_interval_are_its_partitions() -> None:
    assert isinstance(DAYS, Table)
    assert parts_of(COURIER_DAYS, None) == (None,)
    assert [str(part) for part in parts_of(COURIER_DAYS, QUARTER)] == [
        "2013-01-01 to before 2013-02-01",
        "2013-02-01 to before 2013-03-01",
        "2013-03-01 to before 2013-04-01",
    ]
