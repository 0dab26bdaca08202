"""When the flight is scheduled: its place in the year, the week and the day."""

from __future__ import annotations

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

HOLIDAY_REACH = pd.Timedelta(days=2)
MINUTES_PER_DAY = 24 * 60


def day_of_week(joined_flights: pd.DataFrame) -> pd.Series:
    """Day of the week of scheduled departure; Monday is 0."""
    day: pd.Series = joined_flights["date"].dt.day_of_week
    return day.astype("int64")


def is_weekend(day_of_week: pd.Series) -> pd.Series:
    """Whether the day is a Saturday or a Sunday."""
    return day_of_week >= 5  # Saturday


def holiday_period(joined_flights: pd.DataFrame) -> pd.DatetimeIndex:
    """Days of the schedule's time that are at most two days from a US federal holiday."""
    days = pd.date_range(joined_flights["date"].min(), joined_flights["date"].max())
    holidays = USFederalHolidayCalendar().holidays(
        start=days[0] - HOLIDAY_REACH, end=days[-1] + HOLIDAY_REACH
    )
    reach = pd.timedelta_range(-HOLIDAY_REACH, HOLIDAY_REACH, freq="D")
    return days[days.isin([holiday + offset for holiday in holidays for offset in reach])]


def is_holiday_period(joined_flights: pd.DataFrame, holiday_period: pd.DatetimeIndex) -> pd.Series:
    """Whether a US federal holiday is at most two days away."""
    return joined_flights["date"].isin(holiday_period)


def departure_minute(joined_flights: pd.DataFrame) -> pd.Series:
    """Scheduled departure, in minutes since midnight, local time."""
    return (joined_flights["hour"] * 60 + joined_flights["minute"]).astype("float64")


def scheduled_duration(joined_flights: pd.DataFrame, departure_minute: pd.Series) -> pd.Series:
    """Scheduled time from gate to gate, in min, as the local clocks show it.

    A flight that arrives after midnight is counted to the next day. Flights to another time zone
    seem shorter or longer by `time_zones_crossed`.
    """
    arrival = joined_flights["sched_arr_time"]
    arrival_minute = arrival // 100 * 60 + arrival % 100
    return (arrival_minute - departure_minute) % MINUTES_PER_DAY
