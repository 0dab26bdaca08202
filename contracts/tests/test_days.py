from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts._days import parse_day


@given(st.dates())
def test_each_day_comes_back_as_it_was_written(day: date) -> None:
    assert parse_day(str(day)) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "20130131",
        "2013-W05-4",
        "2013-1-31",
        "2013-02-30",
        "2013-01-31 ",
        "2013-01-31T00",
    ],
)
def test_a_day_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_day(text)
