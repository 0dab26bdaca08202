"""Partitions: the parts of a table that runs replace, and the intervals that they run for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from isthmus_contracts.errors import DeclarationError, IntervalError

Granularity = Literal["day", "month", "year"]

_NAME_LENGTHS = {"day": 10, "month": 7, "year": 4}
_LONGEST = {"day": 1, "month": 31, "year": 366}


@dataclass(frozen=True, slots=True)
class Interval:
    """Say which days a run is for: those from `start` to before `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        for day in (self.start, self.end):
            if type(day) is not date:  # a datetime is a date too, and cannot be compared to one
                raise IntervalError(
                    f"an interval has {day!r}; expected, for example, date(2013, 1, 31)"
                )
        if self.start >= self.end:
            raise IntervalError(
                f"the interval starts on {self.start} and ends before {self.end}, so it has no day"
            )

    def __str__(self) -> str:
        return f"{self.start} to before {self.end}"


@dataclass(frozen=True, slots=True)
class Partitioning:
    """Declare the parts of a table: the rows of each day, month or year of a column.

    The name of a partition is the year, month or day, as in `2013`, `2013-01` or `2013-01-31`. A
    timestamp belongs to the partition of its date in UTC.
    """

    column: str
    granularity: Granularity

    def __post_init__(self) -> None:
        known = get_args(Granularity)
        if self.granularity not in known:
            raise DeclarationError(
                f"partitions by {self.column!r} are made every {self.granularity!r}; known: "
                + ", ".join(repr(granularity) for granularity in known)
            )

    def __str__(self) -> str:
        return f"{self.granularity} of {self.column}"

    def name(self, day: date) -> str:
        """Return the name of the partition that the day belongs to."""
        return day.isoformat()[: _NAME_LENGTHS[self.granularity]]

    def names(self, interval: Interval) -> tuple[str, ...]:
        """Return the partitions of an interval in order; raise `IntervalError` if it cuts one."""
        self.check(interval)
        names = []
        day = interval.start
        while day < interval.end:
            names.append(self.name(day))
            day = self._next(day)
        return tuple(names)

    def interval(self, name: str) -> Interval:
        """Return the days of a partition, or raise `IntervalError` for what is not its name."""
        try:
            start = date.fromisoformat(f"{name}-01-01"[:10])
        except ValueError:
            start = date.min
        if self.name(start) != name:
            expected = self.name(date(2013, 1, 31))
            raise IntervalError(
                f"{name!r} is not the name of a {self.granularity}; "
                f"expected, for example, {expected!r}"
            )
        return Interval(start, self._next(start))

    def check(self, interval: Interval) -> None:
        """Raise `IntervalError` if the interval cuts a partition; say which interval would fit."""
        start, end = self._first(interval.start), self._first(interval.end)
        if (start, end) == (interval.start, interval.end):
            return
        cut = interval.start if start != interval.start else interval.end
        expected = Interval(start, end if end == interval.end else self._next(end))
        raise IntervalError(
            f"the interval from {interval} cuts the {self.granularity} {self.name(cut)}, which is "
            f"replaced as a whole; expected, for example, {expected}"
        )

    def _first(self, day: date) -> date:
        return date.fromisoformat(f"{self.name(day)}-01-01"[:10])

    def _next(self, first: date) -> date:
        try:
            return self._first(first + timedelta(_LONGEST[self.granularity]))
        except OverflowError:
            raise IntervalError(
                f"the {self.granularity} {self.name(first)} ends after the last day there is, "
                f"{date.max}"
            ) from None
