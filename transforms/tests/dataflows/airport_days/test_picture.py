from __future__ import annotations

import struct
from collections.abc import Callable

import pandas as pd

from isthmus_transforms.dataflows.airport_days import days, picture


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


def test_the_calendar_has_a_block_for_each_airport_and_year(
    features_of: Callable[..., pd.DataFrame],
) -> None:
    one = _size(_calendar(features_of(("EWR", "2012-02-29", 6, 0.0))))
    four = _size(
        _calendar(
            features_of(
                ("EWR", "2012-12-31", 6, 0.0),
                ("JFK", "2012-12-31", 6, 90.0),
                ("EWR", "2013-01-01", 6, -90.0),
                ("JFK", "2013-01-01", 6, 1.0),
            )
        )
    )
    assert one[0] == four[0]
    assert four[1] > 2 * one[1]
