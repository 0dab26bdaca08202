"""For which interval a run is, and into which parts it can be split."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from isthmus_contracts import Interval, IntervalError, Table
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, STATION_DAYS
from isthmus_platform.pipeline.intervals import parts_of, run_interval, run_params

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


def test_an_interval_that_does_not_start_at_midnight_is_refused() -> None:
    noon = START + timedelta(hours=12)
    with pytest.raises(IntervalError, match="from 2013-01-01 12:00 UTC; expected midnight"):
        run_interval(COURIER_DAYS, {}, (noon, START + timedelta(31)))


def test_an_interval_that_cuts_a_partition_is_refused() -> None:
    with pytest.raises(IntervalError, match="cuts the month 2013-01"):
        run_interval(COURIER_DAYS, {}, (START, START + timedelta(30)))


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
