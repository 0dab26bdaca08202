"""The table of features, one of the outputs, and what the model learns from."""

from __future__ import annotations

import pandas as pd


def is_late(joined_flights: pd.DataFrame, late_after_minutes: int) -> pd.Series:
    """Whether the flight arrived at least `late_after_minutes` after schedule: the outcome."""
    return joined_flights["arr_delay"] >= late_after_minutes


def flight_features(
    joined_flights: pd.DataFrame,
    day_of_week: pd.Series,
    is_weekend: pd.Series,
    is_holiday_period: pd.Series,
    departure_minute: pd.Series,
    scheduled_duration: pd.Series,
    temperature: pd.Series,
    wind_speed: pd.Series,
    wind_gust: pd.Series,
    precipitation: pd.Series,
    visibility: pd.Series,
    is_freezing: pd.Series,
    aircraft_age: pd.Series,
    aircraft_seats: pd.Series,
    distance: pd.Series,
    destination_altitude: pd.Series,
    time_zones_crossed: pd.Series,
    is_late: pd.Series,
) -> pd.DataFrame:
    """Features of each flight that arrived, known before departure, and how late it arrived.

    One row per flight, in order of `date`, `carrier`, `flight` and `origin`.
    """
    joined = joined_flights
    return pd.DataFrame(
        {
            "date": joined["date"],
            "carrier": joined["carrier"],
            "carrier_name": joined["carrier_name"],
            "flight": joined["flight"],
            "tailnum": joined["tailnum"],
            "origin": joined["origin"],
            "dest": joined["dest"],
            "month": joined["month"],
            "day_of_week": day_of_week,
            "is_weekend": is_weekend,
            "is_holiday_period": is_holiday_period,
            "departure_hour": joined["hour"],
            "departure_minute": departure_minute,
            "scheduled_duration": scheduled_duration,
            "temperature": temperature,
            "humidity": joined["humid"],
            "wind_speed": wind_speed,
            "wind_gust": wind_gust,
            "precipitation": precipitation,
            "visibility": visibility,
            "pressure": joined["pressure"],
            "is_freezing": is_freezing,
            "aircraft_age": aircraft_age,
            "aircraft_seats": aircraft_seats,
            "distance": distance,
            "destination_altitude": destination_altitude,
            "time_zones_crossed": time_zones_crossed,
            "origin_departures": joined["origin_departures"],
            "carrier_departures": joined["carrier_departures"],
            "arr_delay": joined["arr_delay"],
            "is_late": is_late,
        }
    )
