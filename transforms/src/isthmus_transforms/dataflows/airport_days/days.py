"""One row per airport and day."""

from __future__ import annotations

import pandas as pd


def hourly_delay(flight_features: pd.DataFrame) -> pd.DataFrame:
    """Mean arrival delay, as `delay`, in min, by `origin`, `date` and `departure_hour`."""
    by_hour = flight_features.groupby(["origin", "date", "departure_hour"])
    return by_hour["arr_delay"].mean().reset_index(name="delay")


def worst_hours(hourly_delay: pd.DataFrame) -> pd.DataFrame:
    """Departure hour with the worst mean delay, as `worst_hour`, by `origin` and `date`.

    Of several equally bad hours it is the earliest.
    """
    worst_first = hourly_delay.sort_values(
        ["origin", "date", "delay", "departure_hour"], ascending=[True, True, False, True]
    )
    return (
        worst_first.drop_duplicates(["origin", "date"])
        .rename(columns={"departure_hour": "worst_hour"})
        .loc[:, ["origin", "date", "worst_hour"]]
    )


def days(flight_features: pd.DataFrame, worst_hours: pd.DataFrame) -> pd.DataFrame:
    """Flights that arrived, how many of them late, and their mean delay in min.

    One row per airport and day of scheduled departure, in order of `origin` and `date`.
    """
    by_day = flight_features.groupby(["origin", "date"], as_index=False).agg(
        flights=("is_late", "size"),
        late_share=("is_late", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
    )
    return by_day.merge(worst_hours, on=["origin", "date"], validate="one_to_one")
