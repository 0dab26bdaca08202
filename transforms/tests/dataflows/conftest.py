"""Small tables, as the runtime would read them from Parquet; no test changes one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

Rows = list[dict[str, object]]
Builder = Callable[[Rows], pd.DataFrame]

FLIGHT: dict[str, object] = {
    "year": 2013,
    "month": 1,
    "day": 1,
    "dep_time": 600.0,
    "sched_dep_time": 600,
    "dep_delay": 0.0,
    "arr_time": 800.0,
    "sched_arr_time": 800,
    "arr_delay": 0.0,
    "carrier": "UA",
    "flight": 1,
    "tailnum": "N1",
    "origin": "EWR",
    "dest": "IAH",
    "air_time": 100.0,
    "distance": 1000.0,
    "hour": 6,
    "minute": 0,
    "time_hour": pd.Timestamp("2013-01-01T11:00Z"),
}
WEATHER: dict[str, object] = {
    "origin": "EWR",
    "year": 2013,
    "month": 1,
    "day": 1,
    "hour": 6,
    "temp": 32.0,
    "dewp": 20.0,
    "humid": 60.0,
    "wind_dir": 180.0,
    "wind_speed": 10.0,
    "wind_gust": np.nan,
    "precip": 0.1,
    "pressure": 1012.0,
    "visib": 10.0,
    "time_hour": pd.Timestamp("2013-01-01T11:00Z"),
}


def _typed(rows: Rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if "time_hour" in frame:
        frame["time_hour"] = frame["time_hour"].astype("datetime64[us, UTC]")
    texts = [name for name in frame if frame[name].dtype == object]
    return frame.astype(dict.fromkeys(texts, "str"))


@pytest.fixture(scope="session")
def flights() -> Builder:
    """Build flights out of what differs from `FLIGHT`."""
    return lambda rows: _typed([FLIGHT | row for row in rows])


@pytest.fixture(scope="session")
def weather() -> Builder:
    """Build observations out of what differs from `WEATHER`."""
    return lambda rows: _typed([WEATHER | row for row in rows])


@pytest.fixture(scope="session")
def planes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tailnum": ["N1", "N2", "N3"],
            "year": [2003.0, np.nan, 2014.0],
            "type": ["Fixed wing"] * 3,
            "manufacturer": ["BOEING"] * 3,
            "model": ["737"] * 3,
            "engines": [2, 2, 2],
            "seats": [150, 20, 300],
            "speed": [np.nan] * 3,
            "engine": ["Turbo-fan"] * 3,
        }
    )


@pytest.fixture(scope="session")
def airports() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "faa": ["EWR", "JFK", "LGA", "IAH", "HNL"],
            "name": ["Newark", "Kennedy", "La Guardia", "Houston", "Honolulu"],
            "lat": [40.7, 40.6, 40.8, 30.0, 21.3],
            "lon": [-74.2, -73.8, -73.9, -95.3, -157.9],
            "alt": [18, 13, 22, 100, 13],
            "tz": [-5, -5, -5, -6, -10],
            "dst": ["A"] * 5,
            "tzone": ["America/New_York"] * 3 + ["America/Chicago", "Pacific/Honolulu"],
        }
    )


@pytest.fixture(scope="session")
def airlines() -> pd.DataFrame:
    return pd.DataFrame({"carrier": ["UA", "B6"], "name": ["United <Air> & Co", "JetBlue"]})


@pytest.fixture(scope="session")
def year_of_flights(flights: Builder) -> pd.DataFrame:
    """Three flights on each day but those of July; the later in the day, the later they arrive."""
    random = np.random.default_rng(7)
    rows: Rows = []
    for day in pd.date_range("2013-01-01", "2013-12-31"):
        for origin, hour in (("EWR", 6), ("JFK", 12), ("LGA", 20)):
            if day.month == 7:
                continue
            rows.append(
                {
                    "month": day.month,
                    "day": day.day,
                    "origin": origin,
                    "carrier": str(random.choice(["UA", "B6", "ZZ"])),
                    "flight": len(rows) + 1,
                    "tailnum": str(random.choice(["N1", "N2", "N9"])),
                    "dest": str(random.choice(["IAH", "HNL", "SJU"])),
                    "hour": hour,
                    "sched_dep_time": hour * 100,
                    "sched_arr_time": (hour + 3) * 100,
                    "arr_delay": float(np.round(random.normal(hour * 1.5 - 10, 20))),
                    "time_hour": pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=hour + 5),
                }
            )
    return flights(rows)


@pytest.fixture(scope="session")
def year_inputs(
    year_of_flights: pd.DataFrame,
    weather: Builder,
    planes: pd.DataFrame,
    airports: pd.DataFrame,
    airlines: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return the five tables around a year of flights; each tenth hour was not observed."""
    observed = year_of_flights[year_of_flights.index % 10 != 0]
    rows: Rows = [
        {"origin": row.origin, "time_hour": row.time_hour, "temp": 20.0 + row.Index % 60}
        for row in observed.itertuples()
    ]
    return {
        "flights": year_of_flights,
        "weather": weather(rows),
        "planes": planes,
        "airports": airports,
        "airlines": airlines,
    }
