"""The weather at the departure airport, in the hour of scheduled departure."""

from __future__ import annotations

import pandas as pd

KM_PER_MILE = 1.609344
MM_PER_INCH = 25.4
FASTEST_WIND = 150.0
"""In mph. What the stations recorded above it (1048 mph, once) are errors."""


def hourly_weather(weather: pd.DataFrame) -> pd.DataFrame:
    """Observations by `origin` and `time_hour`, in the units of the station.

    Wind of more than 150 mph is a recording error and is null here. Gusts are 0 where wind was
    measured and no gust noted.
    """
    wind = weather["wind_speed"].where(weather["wind_speed"] <= FASTEST_WIND)
    gust = weather["wind_gust"].mask(weather["wind_gust"].isna() & wind.notna(), 0.0)
    observed = ["temp", "humid", "precip", "visib", "pressure"]
    return weather[["origin", "time_hour", *observed]].assign(wind_speed=wind, wind_gust=gust)


def temperature(joined_flights: pd.DataFrame) -> pd.Series:
    """Temperature at departure hour, in °C; null where not observed."""
    return (joined_flights["temp"] - 32) * 5 / 9


def wind_speed(joined_flights: pd.DataFrame) -> pd.Series:
    """Wind speed at departure hour, in km/h; null where not observed."""
    return joined_flights["wind_speed"] * KM_PER_MILE


def wind_gust(joined_flights: pd.DataFrame) -> pd.Series:
    """Speed of gusts at departure hour, in km/h; 0 where there were none, null where unknown."""
    return joined_flights["wind_gust"] * KM_PER_MILE


def precipitation(joined_flights: pd.DataFrame) -> pd.Series:
    """Rain or melted snow in departure hour, in mm; null where not observed."""
    return joined_flights["precip"] * MM_PER_INCH


def visibility(joined_flights: pd.DataFrame) -> pd.Series:
    """Visibility at departure hour, in km; null where not observed."""
    return joined_flights["visib"] * KM_PER_MILE


def is_freezing(temperature: pd.Series) -> pd.Series:
    """Whether departure hour is known to be below 0 °C; false where not observed."""
    return temperature < 0
