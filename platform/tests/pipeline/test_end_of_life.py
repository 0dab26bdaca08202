"""The last day of a deprecated dataflow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from isthmus_contracts import Deprecation
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.errors import EndOfLifeError
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life

LAST_DAY = date(2027, 1, 31)
DEPRECATED = replace(PARCEL_DELAYS, deprecation=Deprecation(LAST_DAY, "parcel_delays.v2"))


def test_a_dataflow_runs_to_the_end_of_its_last_day() -> None:
    check_not_end_of_life(DEPRECATED, LAST_DAY)
    check_not_end_of_life(PARCEL_DELAYS, date.max)


def test_on_the_day_after_it_is_refused_with_its_replacement() -> None:
    with pytest.raises(EndOfLifeError) as caught:
        check_not_end_of_life(DEPRECATED, LAST_DAY + timedelta(days=1))
    assert str(caught.value) == (
        "parcel_delays.v1 was retired after 2027-01-31; use parcel_delays.v2 instead"
    )


def test_without_a_day_it_is_today() -> None:
    ended = replace(PARCEL_DELAYS, deprecation=Deprecation(date(2020, 2, 29), "parcel_delays.v2"))
    with pytest.raises(EndOfLifeError):
        check_not_end_of_life(ended)
