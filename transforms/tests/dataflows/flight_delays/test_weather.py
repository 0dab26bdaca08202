from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import weather


def test_impossible_wind_is_null_and_its_gust_unknown() -> None:
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
