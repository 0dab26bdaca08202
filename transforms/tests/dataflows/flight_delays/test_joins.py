from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import (
    aircraft,
    airlines,
    congestion,
    flights,
    joins,
    route,
    weather,
)

Builder = Callable[[list[dict[str, object]]], pd.DataFrame]


def _join(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    scheduled = flights.scheduled_flights(tables["flights"], "all")
    return joins.joined_flights(
        flights.arrived_flights(scheduled),
        airlines.airline_names(tables["airlines"]),
        weather.hourly_weather(tables["weather"]),
        aircraft.aircraft_registry(tables["planes"]),
        route.departure_airports(tables["airports"]),
        route.destination_airports(tables["airports"]),
        congestion.origin_congestion(scheduled),
        congestion.carrier_congestion(scheduled),
    )


def test_each_flight_that_arrived_is_there_exactly_once(
    year_inputs: dict[str, pd.DataFrame],
) -> None:
    joined = _join(year_inputs)
    assert len(joined) == len(year_inputs["flights"])
    assert not joined.duplicated(["date", "carrier", "flight", "origin"]).any()


def test_what_is_missing_elsewhere_is_null(year_inputs: dict[str, pd.DataFrame]) -> None:
    joined = _join(year_inputs)
    assert list(joined.loc[joined["tailnum"] == "N9", "aircraft_seats"].unique()) == pytest.approx(
        [np.nan], nan_ok=True
    )
    assert joined.loc[joined["dest"] == "SJU", "dest_tz"].isna().all()
    assert joined.loc[joined["carrier"] == "ZZ", "carrier_name"].isna().all()
    assert joined["temp"].isna().sum() == sum(index % 10 == 0 for index in range(len(joined)))
    known = joined[["origin_tz", "origin_departures", "carrier_departures"]]
    assert known.notna().all(axis=None)


def test_weather_is_that_of_the_airport_and_the_hour(
    flights: Builder,
    weather: Builder,
    planes: pd.DataFrame,
    airports: pd.DataFrame,
    airlines: pd.DataFrame,
) -> None:
    eleven, twelve = pd.Timestamp("2013-01-01T11:00Z"), pd.Timestamp("2013-01-01T12:00Z")
    tables = {
        "flights": flights(
            [
                {"flight": 1},
                {"flight": 2, "origin": "JFK"},
                {"flight": 3, "time_hour": twelve},
            ]
        ),
        "weather": weather(
            [
                {"time_hour": twelve, "temp": 50.0},
                {"time_hour": eleven, "temp": 40.0},
                {"time_hour": eleven, "temp": 60.0, "origin": "JFK"},
            ]
        ),
        "planes": planes,
        "airports": airports,
        "airlines": airlines,
    }
    assert list(_join(tables)["temp"]) == [40.0, 60.0, 50.0]


@pytest.mark.parametrize("table", ["weather", "planes", "airports", "airlines"])
def test_a_doubled_row_is_an_error_and_doubles_no_flight(
    year_inputs: dict[str, pd.DataFrame], table: str
) -> None:
    doubled = pd.concat([year_inputs[table], year_inputs[table].tail(1)], ignore_index=True)
    with pytest.raises(ValueError, match="not a many-to-one merge"):
        _join(year_inputs | {table: doubled})


@pytest.mark.parametrize("table", ["weather", "planes", "airports", "airlines"])
def test_an_empty_table_loses_no_flight(year_inputs: dict[str, pd.DataFrame], table: str) -> None:
    joined = _join(year_inputs | {table: year_inputs[table].head(0)})
    assert len(joined) == len(year_inputs["flights"])


def test_flights_without_a_tail_number_stay(
    flights: Builder,
    weather: Builder,
    planes: pd.DataFrame,
    airports: pd.DataFrame,
    airlines: pd.DataFrame,
) -> None:
    tables = {
        "flights": flights([{"flight": 1, "tailnum": None}, {"flight": 2}]),
        "weather": weather([{}]),
        "planes": planes,
        "airports": airports,
        "airlines": airlines,
    }
    joined = _join(tables)
    assert list(joined["aircraft_seats"]) == pytest.approx([np.nan, 150], nan_ok=True)
