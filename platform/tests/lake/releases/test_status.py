from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts import DataflowContract
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.lake.releases.garbage_collection import collect_garbage
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.lake.releases.status import Status, UpstreamStatus, status_of
from isthmus_platform.storage import DiskStore


class Chain(Protocol):
    numbers: DataflowContract
    reader: DataflowContract

    def publish(self, lake: Lake, run: str) -> Release: ...
    def read(self, lake: Lake, run: str, read: Release) -> Release: ...


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(DiskStore(tmp_path / "lake"))


def test_what_has_published_nothing_is_not_behind(lake: Lake, chain: Chain) -> None:
    assert status_of(lake, chain.reader) == Status("reader.v1")
    chain.publish(lake, "run-1")
    assert status_of(lake, chain.reader).behind == ()


def test_a_reader_of_the_current_release_is_up_to_date(lake: Lake, chain: Chain) -> None:
    made = chain.read(lake, "run-2", chain.publish(lake, "run-1"))
    status = status_of(lake, chain.reader)
    assert (status.release, status.run, status.behind) == (made.id, "run-2", ())


def test_a_reader_that_did_not_run_since_is_behind(lake: Lake, chain: Chain) -> None:
    old = chain.publish(lake, "run-1")
    chain.read(lake, "run-2", old)
    new = chain.publish(lake, "run-3")
    (behind,) = status_of(lake, chain.reader).behind
    assert (behind.dataflow, behind.read, behind.current) == ("numbers.v1", old.id, new.id)
    assert not behind.withdrawn
    assert str(behind).startswith(
        f"behind numbers.v1: it has read release {old.id}; {new.id} is current since 2"
    )
    chain.read(lake, "run-4", new)
    assert status_of(lake, chain.reader).behind == ()


def test_a_reader_of_a_withdrawn_release_is_behind(lake: Lake, chain: Chain) -> None:
    old, new = chain.publish(lake, "run-1"), chain.publish(lake, "run-2")
    chain.read(lake, "run-3", new)
    roll_back(lake, chain.numbers.identity, old.id, by="ada")
    (behind,) = status_of(lake, chain.reader).behind
    assert behind.withdrawn
    assert (behind.read, behind.current) == (new.id, old.id)
    assert f"it has read release {new.id}, which was withdrawn; {old.id} is" in str(behind)


def test_since_when_a_release_is_current_does_not_change_with_garbage_collection(
    lake: Lake, chain: Chain
) -> None:
    days = [datetime(2013, 1, day, tzinfo=UTC) for day in (1, 2)]
    for number, day in enumerate(days):
        chain.publish(replace(lake, clock=lambda day=day: day), f"run-{number}")
    before = status_of(lake, chain.numbers)
    collect_garbage(lake, timedelta(days=1), by="eve")
    assert status_of(lake, chain.numbers) == before
    assert before.since == days[1].isoformat()


def test_an_upstream_dataflow_without_a_release_is_nothing_to_catch_up_with() -> None:
    assert not UpstreamStatus("numbers.v1", None, None, None).is_behind
