"""How busy an airport is: flights scheduled in the same hour, whether they flew or not."""

from __future__ import annotations

import pandas as pd


def origin_congestion(scheduled_flights: pd.DataFrame) -> pd.DataFrame:
    """Departures scheduled, as `origin_departures`, by `origin` and `time_hour`."""
    by_hour = scheduled_flights.groupby(["origin", "time_hour"])
    return by_hour.size().reset_index(name="origin_departures")


def carrier_congestion(scheduled_flights: pd.DataFrame) -> pd.DataFrame:
    """Departures of the airline itself, as `carrier_departures`, by airport, hour and `carrier`."""
    by_carrier = scheduled_flights.groupby(["origin", "time_hour", "carrier"])
    return by_carrier.size().reset_index(name="carrier_departures")
