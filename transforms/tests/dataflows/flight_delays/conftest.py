"""The features of a year, and four tested flights with their probabilities."""

from __future__ import annotations

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays import dataflow


@pytest.fixture(scope="module")
def features(year_inputs: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return dataflow.compute(["flight_features"], year_inputs)["flight_features"]


@pytest.fixture
def tested() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "carrier": ["UA", "B6", "UA", "ZZ"],
            "carrier_name": ["United", "JetBlue", "United", None],
            "arr_delay": [30.0, -10.0, 0.0, 60.0],
            "is_late": [True, False, False, True],
        },
        index=[5, 6, 7, 8],
    )


@pytest.fixture
def probability() -> pd.Series:
    return pd.Series([0.8, 0.2, 0.5, 0.4], index=[5, 6, 7, 8])
