from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import aircraft


def _days(*days: str) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(days))})


def test_aircraft_age_is_null_where_unknown_or_ahead() -> None:
    joined = _days(*["2013-06-01"] * 4).assign(aircraft_year=[2003.0, 2013.0, 2014.0, np.nan])
    assert list(aircraft.aircraft_age(joined)) == pytest.approx(
        [10, 0, np.nan, np.nan], nan_ok=True
    )


def test_aircraft_columns_are_floats_even_where_nothing_is_null() -> None:
    joined = _days("2013-06-01").assign(aircraft_year=[2003], aircraft_seats=[150])
    assert aircraft.aircraft_age(joined).dtype == "float64"
    assert aircraft.aircraft_seats(joined).dtype == "float64"
