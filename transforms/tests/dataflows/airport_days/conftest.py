"""Features of a few flights."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest


@pytest.fixture
def features_of() -> Callable[..., pd.DataFrame]:
    """Return a function that makes features of rows: origin, date, hour, delay on arrival."""

    def make(*rows: tuple[str, str, int, float]) -> pd.DataFrame:
        table = pd.DataFrame(rows, columns=["origin", "date", "departure_hour", "arr_delay"])
        return table.assign(date=pd.to_datetime(table["date"]), is_late=table["arr_delay"] >= 15)

    return make


@pytest.fixture
def features(features_of: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return features_of(
        ("JFK", "2013-03-02", 9, 5.0),
        ("EWR", "2013-03-02", 7, -5.0),
        ("EWR", "2013-03-01", 6, 10.0),
        ("EWR", "2013-03-01", 8, 20.0),
        ("EWR", "2013-03-01", 8, 40.0),
        ("EWR", "2013-03-01", 21, 30.0),
    )
