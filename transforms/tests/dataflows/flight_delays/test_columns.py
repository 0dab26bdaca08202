"""The columns computed from the joined flights, each by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import aircraft, features, route, schedule, weather


def _days(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(days))})


def test_wind_that_cannot_be_is_null_and_its_gust_unknown() -> None:
    table = pd.DataFrame(
        {
            "origin": "EWR",
            "time_hour": pd.Timestamp("2013-02-12T08:00Z"),
            "temp": 32.0,
            "humid": 60.0,
            "precip": 0.0,
            "visib": 10.0,
            "pressure": 1012.0,
            "wind_speed": [1048.36, 10.0, 10.0, np.nan, 150.0],
            "wind_gust": [np.nan, np.nan, 25.0, np.nan, np.nan],
        }
    )
    clean = weather.hourly_weather(table)
    nan = np.nan
    assert list(clean["wind_speed"]) == pytest.approx([nan, 10, 10, nan, 150], nan_ok=True)
    assert list(clean["wind_gust"]) == pytest.approx([nan, 0, 25, nan, 0], nan_ok=True)


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


def test_weather_is_converted_and_null_stays_null() -> None:
    joined = pd.DataFrame(
        {
            "temp": [32.0, 212.0, 14.0, np.nan],
            "wind_speed": [10.0, 0.0, 1.0, np.nan],
            "wind_gust": [20.0, 0.0, 1.0, np.nan],
            "precip": [0.1, 0.0, 1.0, np.nan],
            "visib": [10.0, 0.0, 1.0, np.nan],
        }
    )
    nan = np.nan
    temperature = weather.temperature(joined)
    assert list(temperature) == pytest.approx([0, 100, -10, nan], nan_ok=True)
    assert list(weather.is_freezing(temperature)) == [False, False, True, False]
    for column, expected in (
        (weather.wind_speed(joined), [16.09344, 0, 1.609344, nan]),
        (weather.wind_gust(joined), [32.18688, 0, 1.609344, nan]),
        (weather.precipitation(joined), [2.54, 0, 25.4, nan]),
        (weather.visibility(joined), [16.09344, 0, 1.609344, nan]),
    ):
        assert list(column) == pytest.approx(expected, nan_ok=True)


def test_aircraft_age_is_null_where_unknown_or_ahead() -> None:
    joined = _days(*["2013-06-01"] * 4).assign(aircraft_year=[2003.0, 2013.0, 2014.0, np.nan])
    assert list(aircraft.aircraft_age(joined)) == pytest.approx(
        [10, 0, np.nan, np.nan], nan_ok=True
    )


def test_aircraft_columns_are_floats_even_where_nothing_is_null() -> None:
    joined = _days("2013-06-01").assign(aircraft_year=[2003], aircraft_seats=[150])
    assert aircraft.aircraft_age(joined).dtype == "float64"
    assert aircraft.aircraft_seats(joined).dtype == "float64"


def test_route_is_converted() -> None:
    joined = pd.DataFrame(
        {
            "distance": [1000.0, 1.0],
            "dest_alt": [100.0, np.nan],
            "dest_tz": [-10.0, np.nan],
            "origin_tz": [-5, -5],
        }
    )
    nan = np.nan
    assert list(route.distance(joined)) == pytest.approx([1609.344, 1.609344])
    assert list(route.destination_altitude(joined)) == pytest.approx([30.48, nan], nan_ok=True)
    assert list(route.time_zones_crossed(joined)) == pytest.approx([-5, nan], nan_ok=True)


def test_late_begins_at_the_minute_itself() -> None:
    joined = pd.DataFrame({"arr_delay": [14.0, 15.0, -20.0]})
    assert list(features.is_late(joined, 15)) == [False, True, False]
