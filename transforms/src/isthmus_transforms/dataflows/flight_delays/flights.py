"""The flights themselves: those on the schedule, and those of them that arrived."""

from __future__ import annotations

import pandas as pd

KNOWN_BEFORE_DEPARTURE = [
    "date",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "month",
    "hour",
    "minute",
    "sched_dep_time",
    "sched_arr_time",
    "distance",
    "time_hour",
]


def scheduled_flights(flights: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Flights on the schedule of the chosen airport, or of all three, cancelled ones included."""
    scheduled = flights if origin == "all" else flights[flights["origin"] == origin]
    if scheduled.empty:
        raise ValueError(
            f"no flight departs from {origin!r}: the table has {len(flights)} flights, "
            f"from {sorted(flights['origin'].unique())}; choose another origin"
        )
    return scheduled


def arrived_flights(scheduled_flights: pd.DataFrame) -> pd.DataFrame:
    """Flights that arrived, with what was known of them before departure and `arr_delay`, in min.

    Cancelled and diverted flights have no `arr_delay` and are left out. In order of day, carrier,
    flight and airport, which together name a flight; `date` is the day of scheduled departure.
    """
    arrived = scheduled_flights[scheduled_flights["arr_delay"].notna()]
    if arrived.empty:
        raise ValueError(
            f"none of the {len(scheduled_flights)} scheduled flights arrived: "
            "'arr_delay' is null in every row"
        )
    day = pd.to_datetime(arrived[["year", "month", "day"]])
    return (
        arrived.assign(date=day)
        .sort_values(["date", "carrier", "flight", "origin"], ignore_index=True)
        .loc[:, [*KNOWN_BEFORE_DEPARTURE, "arr_delay"]]
    )
