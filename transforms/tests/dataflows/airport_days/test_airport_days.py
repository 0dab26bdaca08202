from __future__ import annotations

import struct

import pandas as pd
import pytest

from isthmus_contracts.catalog import AIRPORT_DAYS
from isthmus_transforms.dataflows.airport_days import dataflow, days, picture


def _features(*rows: tuple[str, str, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["origin", "date", "departure_hour", "arr_delay"])
    return table.assign(date=pd.to_datetime(table["date"]), is_late=table["arr_delay"] >= 15)


@pytest.fixture
def features() -> pd.DataFrame:
    return _features(
        ("JFK", "2013-03-02", 9, 5.0),
        ("EWR", "2013-03-02", 7, -5.0),
        ("EWR", "2013-03-01", 6, 10.0),
        ("EWR", "2013-03-01", 8, 20.0),
        ("EWR", "2013-03-01", 8, 40.0),
        ("EWR", "2013-03-01", 21, 30.0),
    )


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


def test_the_worst_hour_is_worst_by_its_mean_not_by_one_flight() -> None:
    features = _features(
        ("LGA", "2013-03-01", 6, 100.0),
        ("LGA", "2013-03-01", 6, -100.0),
        ("LGA", "2013-03-01", 7, 1.0),
    )
    assert list(days.worst_hours(days.hourly_delay(features))["worst_hour"]) == [7]


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def _calendar(features: pd.DataFrame) -> bytes:
    return picture.delay_calendar(
        days.days(features, days.worst_hours(days.hourly_delay(features)))
    )


def test_the_calendar_is_the_same_each_time_and_names_no_time(features: pd.DataFrame) -> None:
    first = _calendar(features)
    assert first == _calendar(features)
    assert b"tEXt" not in first
    assert b"tIME" not in first


def test_the_calendar_has_a_block_for_each_airport_and_year() -> None:
    one = _size(_calendar(_features(("EWR", "2012-02-29", 6, 0.0))))
    four = _size(
        _calendar(
            _features(
                ("EWR", "2012-12-31", 6, 0.0),
                ("JFK", "2012-12-31", 6, 90.0),
                ("EWR", "2013-01-01", 6, -90.0),
                ("JFK", "2013-01-01", 6, 1.0),
            )
        )
    )
    assert one[0] == four[0]
    assert four[1] > 2 * one[1]


def test_the_dataflow_keeps_its_contract(features: pd.DataFrame) -> None:
    made = dataflow.compute(["days", "delay_calendar"], {"flight_features": features})
    assert list(made["days"]) == [column.name for column in AIRPORT_DAYS.output("days").columns]
    assert not made["days"].duplicated(["origin", "date"]).any()
    assert made["delay_calendar"].startswith(b"\x89PNG")
