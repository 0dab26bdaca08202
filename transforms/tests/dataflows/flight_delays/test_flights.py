from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays.flights import arrived_flights, scheduled_flights

Builder = Callable[[list[dict[str, object]]], pd.DataFrame]


def test_all_airports_are_taken_together(flights: Builder) -> None:
    table = flights([{"origin": "EWR"}, {"origin": "JFK"}, {"origin": "LGA"}])
    assert len(scheduled_flights(table, "all")) == 3


def test_one_airport_is_taken_alone(flights: Builder) -> None:
    table = flights([{"origin": "EWR"}, {"origin": "JFK"}])
    assert list(scheduled_flights(table, "JFK")["origin"]) == ["JFK"]


def test_an_airport_without_flights_is_an_error(flights: Builder) -> None:
    table = flights([{"origin": "EWR"}])
    with pytest.raises(ValueError, match=r"no flight departs from 'LGA': the table has 1 flights"):
        scheduled_flights(table, "LGA")


def test_what_did_not_arrive_is_left_out(flights: Builder) -> None:
    table = flights([{"flight": 1, "arr_delay": np.nan}, {"flight": 2, "arr_delay": -3.0}])
    assert list(arrived_flights(table)["flight"]) == [2]


def test_nothing_arrived_is_an_error(flights: Builder) -> None:
    table = flights([{"arr_delay": np.nan}, {"flight": 2, "arr_delay": np.nan}])
    with pytest.raises(ValueError, match=r"none of the 2 scheduled flights arrived"):
        arrived_flights(table)


def test_arrived_flights_are_in_order_of_their_key_whatever_the_input_order(
    flights: Builder,
) -> None:
    rows = [
        {"day": 2, "carrier": "AA", "flight": 1},
        {"day": 1, "carrier": "UA", "flight": 9},
        {"day": 1, "carrier": "UA", "flight": 10, "origin": "JFK"},
        {"day": 1, "carrier": "UA", "flight": 10, "origin": "EWR"},
        {"day": 1, "carrier": "AA", "flight": 99},
    ]
    arrived = arrived_flights(flights(rows))
    assert list(arrived["flight"]) == [99, 9, 10, 10, 1]
    assert list(arrived["origin"]) == ["EWR", "EWR", "EWR", "JFK", "EWR"]
    assert arrived.equals(arrived_flights(flights(rows[::-1])))


def test_what_is_known_only_after_departure_is_dropped(flights: Builder) -> None:
    arrived = arrived_flights(flights([{}]))
    assert not {"dep_time", "dep_delay", "arr_time", "air_time"} & set(arrived)
    assert f"{arrived['date'][0]:%Y-%m-%d %H:%M}" == "2013-01-01 00:00"
