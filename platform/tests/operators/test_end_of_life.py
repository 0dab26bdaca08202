"""A run that reaches ingest after the dataflow's last day, though its DAG was read before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import pytest

from isthmus_contracts import Deprecation, catalog
from isthmus_contracts.testing.sample_catalog import CATALOG, PARCEL_DELAYS
from isthmus_platform.errors import EndOfLifeError
from isthmus_platform.pipeline.end_of_life import check_not_end_of_life

pytestmark = pytest.mark.slow

LAST_DAY = date(2027, 1, 31)


class Ended(Protocol):
    """How a run ended, as the fixture says it."""

    states: dict[str, str]
    log: str


class Company(Protocol):
    """The company that the fixture gives."""

    published: list[str]

    def deploy(self, *, more: str) -> None: ...
    def run(self) -> Ended: ...


def deprecate(monkeypatch: pytest.MonkeyPatch, until: date) -> None:
    """Deprecate parcel_delays in the catalog that tasks read."""
    old = replace(PARCEL_DELAYS, deprecation=Deprecation(until, "parcel_delays.v2"))
    changed = replace(CATALOG, dataflows=(old, *CATALOG.dataflows[1:]))
    monkeypatch.setattr(catalog, "CATALOG", changed)


def test_a_late_run_is_refused_and_not_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    deprecate(monkeypatch, date(2020, 2, 29))
    company.deploy(more="[defaults]\nretries = 2\n")
    ended = company.run()
    assert ended.states["ingest"] == "failed", ended.log
    sentence = "parcel_delays.v1 was retired after 2020-02-29; use parcel_delays.v2 instead"
    assert sentence in ended.log
    assert company.published == []


def test_until_then_it_publishes(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    deprecate(monkeypatch, datetime.now(UTC).date() + timedelta(days=2))
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    assert len(company.published) == 1


@pytest.mark.parametrize("today", [date(2020, 1, 1), LAST_DAY])
def test_the_last_day_is_a_day_like_any_other(today: date) -> None:
    check_not_end_of_life(replace(PARCEL_DELAYS, deprecation=Deprecation(LAST_DAY, "x")), today)


def test_the_day_after_is_too_late() -> None:
    old = replace(PARCEL_DELAYS, deprecation=Deprecation(LAST_DAY, "parcel_delays.v2"))
    with pytest.raises(EndOfLifeError, match=r"retired after 2027-01-31; use parcel_delays.v2"):
        check_not_end_of_life(old, date(2027, 2, 1))


def test_without_a_deprecation_no_day_is_the_last() -> None:
    check_not_end_of_life(PARCEL_DELAYS, date.max)
