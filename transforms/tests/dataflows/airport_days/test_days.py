from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from isthmus_transforms.dataflows.airport_days import days


def test_days_by_hand(features: pd.DataFrame) -> None:
    made = days.days(features, days.worst_hours(days.hourly_delay(features)))
    expected = pd.DataFrame(
        {
            "origin": ["EWR", "EWR", "JFK"],
            "date": pd.to_datetime(["2013-03-01", "2013-03-02", "2013-03-02"]),
            "flights": [4, 1, 1],
            "late_share": [0.75, 0.0, 0.0],
            "mean_arr_delay": [25.0, -5.0, 5.0],
            "worst_hour": [8, 7, 9],  # 8 and 21 are equally bad
        }
    )
    pd.testing.assert_frame_equal(made, expected)


def test_the_worst_hour_is_worst_by_its_mean_not_by_one_flight(
    features_of: Callable[..., pd.DataFrame],
) -> None:
    features = features_of(
        ("LGA", "2013-03-01", 6, 100.0),
        ("LGA", "2013-03-01", 6, -100.0),
        ("LGA", "2013-03-01", 7, 1.0),
    )
    assert list(days.worst_hours(days.hourly_delay(features))["worst_hour"]) == [7]
