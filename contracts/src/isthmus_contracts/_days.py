"""The rule that every day follows where it is written down."""

from __future__ import annotations

from datetime import date


def parse_day(text: str) -> date:
    """Return the day that is written as in 2013-01-31; raise `ValueError` for any other text."""
    day = date.fromisoformat(text)  # it reads 20130131 and 2013-W05-4 too
    if str(day) != text:
        raise ValueError(f"{text!r} is not a day as in 2013-01-31")
    return day
