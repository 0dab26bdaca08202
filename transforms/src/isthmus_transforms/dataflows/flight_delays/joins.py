"""Everything that is known about each flight, in one table."""

from __future__ import annotations

import pandas as pd


def joined_flights(
    arrived_flights: pd.DataFrame,
    airline_names: pd.DataFrame,
    hourly_weather: pd.DataFrame,
    aircraft_registry: pd.DataFrame,
    departure_airports: pd.DataFrame,
    destination_airports: pd.DataFrame,
    origin_congestion: pd.DataFrame,
    carrier_congestion: pd.DataFrame,
) -> pd.DataFrame:
    """Flights that arrived, in their order, joined with everything else that is known of them.

    Each flight appears exactly once: what is missing from another table is null here, and what
    appears twice in another table is an error.
    """
    joined = arrived_flights
    for table, key in (
        (airline_names, ["carrier"]),
        (hourly_weather, ["origin", "time_hour"]),
        (aircraft_registry, ["tailnum"]),
        (departure_airports, ["origin"]),
        (destination_airports, ["dest"]),
        (origin_congestion, ["origin", "time_hour"]),
        (carrier_congestion, ["origin", "time_hour", "carrier"]),
    ):
        joined = joined.merge(table, on=key, how="left", validate="many_to_one")
    return joined
