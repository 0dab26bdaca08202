from __future__ import annotations

import pandas as pd
import pytest

from isthmus_transforms.dataflows.flight_delays.airlines import airline_names


def test_names_are_by_carrier_and_other_columns_are_left_out() -> None:
    airlines = pd.DataFrame(
        {"name": ["United", None], "carrier": ["UA", "ZZ"], "founded": [1926, 0]}
    )
    names = airline_names(airlines)
    assert list(names.columns) == ["carrier", "carrier_name"]
    assert names["carrier"].tolist() == ["UA", "ZZ"]
    assert names["carrier_name"].tolist()[0] == "United"
    assert names["carrier_name"].isna().tolist() == [False, True]


def test_a_table_without_names_is_an_error() -> None:
    with pytest.raises(KeyError, match="name"):
        airline_names(pd.DataFrame({"carrier": ["UA"]}))
