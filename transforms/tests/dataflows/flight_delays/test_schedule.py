from __future__ import annotations

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import schedule


def _days(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(days))})


def test_day_of_week_begins_on_monday_and_the_weekend_on_saturday() -> None:
    joined = _days("2013-01-04", "2013-01-05", "2013-01-06", "2013-01-07")
    day = schedule.day_of_week(joined)
    assert list(day) == [4, 5, 6, 0]
    assert list(schedule.is_weekend(day)) == [False, True, True, False]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2013-07-01", False),
        ("2013-07-02", True),
        ("2013-07-04", True),
        ("2013-07-06", True),
        ("2013-07-07", False),
        ("2013-12-30", True),  # New Year's Day is in the year after
        ("2013-01-03", True),
    ],
)
def test_a_holiday_reaches_two_days_far(day: str, expected: bool) -> None:
    joined = _days(day)
    period = schedule.holiday_period(joined)
    assert list(schedule.is_holiday_period(joined, period)) == [expected]


def test_departure_minute_counts_from_midnight() -> None:
    joined = pd.DataFrame({"hour": [0, 6, 23], "minute": [0, 5, 59]})
    minute = schedule.departure_minute(joined)
    assert list(minute) == [0.0, 365.0, 1439.0]
    assert minute.dtype == "float64"


@pytest.mark.parametrize(
    ("departure", "arrival", "expected"),
    [(360.0, 800, 120.0), (1380.0, 130, 150.0), (1380.0, 2400, 60.0), (1380.0, 0, 60.0)],
)
def test_scheduled_duration_goes_on_after_midnight(
    departure: float, arrival: int, expected: float
) -> None:
    joined = pd.DataFrame({"sched_arr_time": [arrival]})
    assert list(schedule.scheduled_duration(joined, pd.Series([departure]))) == [expected]
