from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from isthmus_transforms.dataflows.flight_delays.congestion import (
    carrier_congestion,
    origin_congestion,
)

Builder = Callable[[list[dict[str, object]]], pd.DataFrame]


def test_congestion_counts_cancelled_flights_and_each_airport_and_airline_by_itself(
    flights: Builder,
) -> None:
    table = flights(
        [
            {"flight": 1},
            {"flight": 2, "arr_delay": np.nan},
            {"flight": 3, "carrier": "B6"},
            {"flight": 4, "origin": "JFK"},
        ]
    )
    by_origin = origin_congestion(table).set_index("origin")["origin_departures"]
    assert by_origin.to_dict() == {"EWR": 3, "JFK": 1}
    by_carrier = carrier_congestion(table).set_index(["origin", "carrier"])["carrier_departures"]
    assert by_carrier.to_dict() == {("EWR", "UA"): 2, ("EWR", "B6"): 1, ("JFK", "UA"): 1}


def test_no_flights_make_no_rows(flights: Builder) -> None:
    none = flights([{}]).head(0)
    assert list(origin_congestion(none)) == ["origin", "time_hour", "origin_departures"]
    assert list(carrier_congestion(none)) == [
        "origin",
        "time_hour",
        "carrier",
        "carrier_departures",
    ]
    assert len(origin_congestion(none)) == len(carrier_congestion(none)) == 0
