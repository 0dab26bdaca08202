"""The aircraft that flies."""

from __future__ import annotations

import pandas as pd


def aircraft_registry(planes: pd.DataFrame) -> pd.DataFrame:
    """Year of manufacture and number of seats, by `tailnum`."""
    return planes[["tailnum", "year", "seats"]].rename(
        columns={"year": "aircraft_year", "seats": "aircraft_seats"}
    )


def aircraft_age(joined_flights: pd.DataFrame) -> pd.Series:
    """Age of the aircraft on the day of departure, in calendar years.

    Null where the aircraft or its year is not in the registry, or the year is after the flight,
    which means that the tail number was reassigned.
    """
    age: pd.Series = joined_flights["date"].dt.year - joined_flights["aircraft_year"]
    return age.where(age >= 0).astype("float64")


def aircraft_seats(joined_flights: pd.DataFrame) -> pd.Series:
    """Seats of the aircraft; null where it is not in the registry."""
    return joined_flights["aircraft_seats"].astype("float64")
