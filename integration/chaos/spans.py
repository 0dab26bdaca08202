"""The intervals that runs of a partitioned dataflow are for; a run's id names its own.

`march` and `march-too` are two runs for March; what is named otherwise has no interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PARTITIONED = "carrier_days"


@dataclass(frozen=True, slots=True)
class Span:
    """Say what a run is for, the last day excluded: everything, if there are no days.

    It is `mapped` if each month has a task of its own, and a `backfill` if Airflow says the days,
    and not a person.
    """

    days: tuple[str, str] | None = None
    mapped: bool = False
    backfill: bool = False


SPANS: Mapping[str, Span] = {
    "february": Span(("2013-02-01", "2013-03-01")),
    "march": Span(("2013-03-01", "2013-04-01")),
    "april": Span(("2013-04-01", "2013-05-01"), backfill=True),
    "spring": Span(("2013-03-01", "2013-06-01"), mapped=True),
    "june": Span(("2013-06-01", "2013-07-01"), backfill=True),
    "autumn": Span(("2013-11-01", "2014-01-01")),
    "december": Span(("2013-12-01", "2014-01-01"), backfill=True),
    "everything": Span(),
}
EMPTY = "december"
"""This month had rows once; what runs read today has none of it."""

MAIN: Mapping[str, int] = {"march": 4, "spring": 3, "autumn": 1, "december": 1, "everything": 1}
"""What the run is for that is disturbed, with a weight."""

PAIRS = (
    ("march", "april"),
    ("march", "march-too"),
    ("march", "spring"),
    ("spring", "march"),
    ("march", "everything"),
    ("everything", "march"),
    ("autumn", "december"),
    ("december", "everything"),
    ("spring", "december"),
)
"""Runs that meet: for other months, the same, some of the same, all."""

AFTERWARDS: Mapping[str, str] = {
    "another month": "june-later",
    "an empty month": "december-later",
}
"""What a person may start later, and the run that does it."""

RUNS = tuple(dict.fromkeys((*MAIN, *(run for pair in PAIRS for run in pair), *AFTERWARDS.values())))
"""Every run that a case may have."""


def span_of(run: str) -> Span:
    """Return what a run is for."""
    return SPANS.get(run.partition("-")[0], Span())
