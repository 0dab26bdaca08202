from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from isthmus_contracts import Interval
from isthmus_contracts.catalog import CARRIER_DAYS
from isthmus_contracts.protocol import StagedOutput
from isthmus_contracts.testing.partition_parity import check_parts
from isthmus_transforms.dataflows.carrier_days import dataflow, days
from isthmus_transforms.runtime.staging import stage

(TABLE,) = CARRIER_DAYS.partitioned


@pytest.fixture
def features() -> pd.DataFrame:
    """Return flights of four months, in no order; none in February."""
    rows = [
        ("2013-03-31", "UA", "United", 10.0),
        ("2013-01-01", "UA", "United", 10.0),
        ("2013-01-01", "B6", "JetBlue", -5.0),
        ("2012-12-31", "UA", "United", 60.0),
        ("2013-01-01", "UA", "United", 20.0),
        ("2013-01-31", "ZZ", None, 0.1),
        ("2013-01-01", "UA", "United", 0.3),
        ("2013-04-01", "UA", "United", 15.0),
    ]
    table = pd.DataFrame(rows, columns=["date", "carrier", "carrier_name", "arr_delay"])
    table = table.astype({"carrier": "str", "carrier_name": "str"})
    return table.assign(date=pd.to_datetime(table["date"]), is_late=table["arr_delay"] >= 15)


def test_carrier_days_by_hand(features: pd.DataFrame) -> None:
    made = days.carrier_days(features[1:7])
    expected = pd.DataFrame(
        {
            "date": pd.to_datetime(["2012-12-31", "2013-01-01", "2013-01-01", "2013-01-31"]),
            "carrier": ["UA", "B6", "UA", "ZZ"],
            "carrier_name": pd.Series(["United", "JetBlue", "United", None], dtype="str"),
            "flights": [1, 1, 3, 1],
            "late_share": [1.0, 0.0, 1 / 3, 0.0],
            "mean_arr_delay": [60.0, -5.0, 10.1, 0.1],
        }
    )
    pd.testing.assert_frame_equal(made, expected)


def test_no_flights_make_no_rows_of_the_same_types(features: pd.DataFrame) -> None:
    none = days.carrier_days(features[:0])
    assert len(none) == 0
    assert none.dtypes.equals(days.carrier_days(features).dtypes)


def test_months_computed_separately_equal_those_computed_together(
    features: pd.DataFrame, tmp_path: Path
) -> None:
    def staged(interval: Interval | None) -> Sequence[StagedOutput]:
        inputs = {"flight_features": features}
        made = dataflow.compute([TABLE.name], inputs, interval=interval)
        return [stage(TABLE, made[TABLE.name], tmp_path, interval)]

    check_parts(CARRIER_DAYS, staged)


def test_a_month_without_flights_is_no_file(features: pd.DataFrame, tmp_path: Path) -> None:
    february = Interval(date(2013, 2, 1), date(2013, 3, 1))
    made = dataflow.compute([TABLE.name], {"flight_features": features}, interval=february)
    assert stage(TABLE, made[TABLE.name], tmp_path, february).files == ()
