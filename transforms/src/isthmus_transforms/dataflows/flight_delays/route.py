"""Where the flight goes."""

from __future__ import annotations

import pandas as pd

KM_PER_MILE = 1.609344
M_PER_FOOT = 0.3048


def departure_airports(airports: pd.DataFrame) -> pd.DataFrame:
    """Offset from UTC in standard time, in h, as `origin_tz`, by `origin`."""
    return airports[["faa", "tz"]].rename(columns={"faa": "origin", "tz": "origin_tz"})


def destination_airports(airports: pd.DataFrame) -> pd.DataFrame:
    """Altitude, in ft, and offset from UTC in standard time, in h, by `dest`."""
    return airports[["faa", "alt", "tz"]].rename(
        columns={"faa": "dest", "alt": "dest_alt", "tz": "dest_tz"}
    )


def distance(joined_flights: pd.DataFrame) -> pd.Series:
    """Distance of the route, in km."""
    return joined_flights["distance"] * KM_PER_MILE


def destination_altitude(joined_flights: pd.DataFrame) -> pd.Series:
    """Altitude of the destination, in m; null where the airport is unknown."""
    return joined_flights["dest_alt"] * M_PER_FOOT


def time_zones_crossed(joined_flights: pd.DataFrame) -> pd.Series:
    """Hours by which the destination's clock is ahead in standard time; negative is behind.

    Null where one of the two airports is unknown.
    """
    return (joined_flights["dest_tz"] - joined_flights["origin_tz"]).astype("float64")
