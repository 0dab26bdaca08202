from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus_contracts import DeclarationError, Interval, IntervalError, Partitioning
from isthmus_contracts.partitions import Granularity

DAILY, MONTHLY, YEARLY = (Partitioning("day", every) for every in get_args(Granularity))
ALL = st.sampled_from([DAILY, MONTHLY, YEARLY])
DAYS = st.dates(max_value=date(9998, 12, 31))


def days(start: str, end: str) -> Interval:
    return Interval(date.fromisoformat(start), date.fromisoformat(end))


def test_a_partition_is_named_by_its_day_month_or_year() -> None:
    day = date(2013, 1, 31)
    assert [partitioning.name(day) for partitioning in (DAILY, MONTHLY, YEARLY)] == [
        "2013-01-31",
        "2013-01",
        "2013",
    ]
    assert YEARLY.name(date(476, 9, 4)) == "0476"


def test_it_says_itself_in_words() -> None:
    assert [str(partitioning) for partitioning in (DAILY, YEARLY)] == ["day of day", "year of day"]
    assert str(days("2013-01-01", "2013-02-01")) == "2013-01-01 to before 2013-02-01"


@pytest.mark.parametrize(
    ("partitioning", "interval", "names"),
    [
        (DAILY, days("2012-02-28", "2012-03-02"), ("2012-02-28", "2012-02-29", "2012-03-01")),
        (MONTHLY, days("2012-12-01", "2013-03-01"), ("2012-12", "2013-01", "2013-02")),
        (YEARLY, days("2011-01-01", "2014-01-01"), ("2011", "2012", "2013")),
        (DAILY, days("9999-12-30", "9999-12-31"), ("9999-12-30",)),
        (MONTHLY, days("9999-11-01", "9999-12-01"), ("9999-11",)),
    ],
)
def test_an_interval_has_its_partitions_in_order(
    partitioning: Partitioning, interval: Interval, names: tuple[str, ...]
) -> None:
    assert partitioning.names(interval) == names


@given(ALL, DAYS)
def test_a_partition_is_the_days_that_bear_its_name(partitioning: Partitioning, day: date) -> None:
    name = partitioning.name(day)
    interval = partitioning.interval(name)
    assert interval.start <= day < interval.end
    assert partitioning.names(interval) == (name,)
    assert partitioning.name(interval.start) == name
    assert partitioning.name(interval.end - timedelta(1)) == name
    assert partitioning.name(interval.end) != name


@given(ALL, DAYS, st.integers(1, 40))
def test_partitions_follow_each_other_without_a_gap(
    partitioning: Partitioning, day: date, count: int
) -> None:
    start = end = partitioning.interval(partitioning.name(day)).start
    names = []
    for _ in range(count):
        if end.year > 9990:
            return
        names.append(partitioning.name(end))
        end = partitioning.interval(names[-1]).end
    assert partitioning.names(Interval(start, end)) == tuple(names)


@pytest.mark.parametrize(
    ("partitioning", "name", "right"),
    [
        (DAILY, "2013-01", "2013-01-31"),
        (DAILY, "2013-02-30", "2013-01-31"),
        (MONTHLY, "2013", "2013-01"),
        (MONTHLY, "2013-13", "2013-01"),
        (MONTHLY, "", "2013-01"),
        (YEARLY, "13", "2013"),
        (YEARLY, "2013-01", "2013"),
        (YEARLY, "2013-01-01", "2013"),
    ],
)
def test_what_names_no_partition_is_refused(
    partitioning: Partitioning, name: str, right: str
) -> None:
    kind = partitioning.granularity
    message = f"{name!r} is not the name of a {kind}; expected, for example, {right!r}"
    with pytest.raises(IntervalError, match=f"^{re.escape(message)}$"):
        partitioning.interval(name)


@pytest.mark.parametrize(
    ("partitioning", "interval", "cut", "right"),
    [
        (
            MONTHLY,
            days("2013-01-15", "2013-02-01"),
            "month 2013-01",
            "2013-01-01 to before 2013-02-01",
        ),
        (
            MONTHLY,
            days("2013-01-01", "2013-02-02"),
            "month 2013-02",
            "2013-01-01 to before 2013-03-01",
        ),
        (
            MONTHLY,
            days("2013-01-02", "2013-12-31"),
            "month 2013-01",
            "2013-01-01 to before 2014-01-01",
        ),
        (YEARLY, days("2013-01-01", "2013-02-01"), "year 2013", "2013-01-01 to before 2014-01-01"),
    ],
)
def test_an_interval_that_cuts_a_partition_is_refused(
    partitioning: Partitioning, interval: Interval, cut: str, right: str
) -> None:
    message = (
        f"the interval from {interval} cuts the {cut}, which is replaced as a whole; "
        f"expected, for example, {right}"
    )
    for ask in (partitioning.check, partitioning.names):
        with pytest.raises(IntervalError, match=f"^{re.escape(message)}$"):
            ask(interval)


@given(ALL, st.dates(), st.dates())
def test_any_interval_has_whole_partitions_or_is_refused(
    partitioning: Partitioning, start: date, end: date
) -> None:
    try:
        names = partitioning.names(Interval(start, end)) if end.year - start.year < 3 else ()
    except IntervalError:
        return
    assert list(names) == sorted(set(names))


def test_the_last_partition_of_all_has_no_end() -> None:
    with pytest.raises(IntervalError, match=r"^the month 9999-12 ends after the last day there is"):
        MONTHLY.interval("9999-12")
    with pytest.raises(
        IntervalError, match=r"^the year 9999 ends after the last day there is, 999"
    ):
        YEARLY.check(days("9998-01-01", "9999-06-01"))


@pytest.mark.parametrize("end", ["2013-01-31", "2013-01-30"])
def test_an_interval_has_at_least_one_day(end: str) -> None:
    message = f"the interval starts on 2013-01-31 and ends before {end}, so it has no day"
    with pytest.raises(IntervalError, match=f"^{message}$"):
        days("2013-01-31", end)


@pytest.mark.parametrize("day", ["2013-01-31", None, datetime(2013, 1, 31, tzinfo=UTC)])
def test_an_interval_is_between_plain_days(day: Any) -> None:  # noqa: ANN401 - what a person writes
    message = re.escape(f"an interval has {day!r}; expected, for example, date(2013, 1, 31)")
    with pytest.raises(IntervalError, match=message):
        Interval(day, date(2014, 1, 1))
    with pytest.raises(IntervalError, match=message):
        Interval(date(2012, 1, 1), day)


def test_partitions_are_made_every_day_month_or_year() -> None:
    every: Any = "week"
    message = r"^partitions by 'day' are made every 'week'; known: 'day', 'month', 'year'$"
    with pytest.raises(DeclarationError, match=message):
        Partitioning("day", every)
