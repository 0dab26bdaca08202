from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts.catalog import Catalog
from isthmus_platform.cli import status as module
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.storage import DiskStore

Call = Callable[..., tuple[int, str, str]]


class Chain(Protocol):
    catalog: Catalog

    def publish(self, lake: Lake, run: str) -> Release: ...
    def read(self, lake: Lake, run: str, read: Release) -> Release: ...


@pytest.fixture
def lake(state: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(module, "CATALOG", chain.catalog)
    return Lake(DiskStore(state / "lake"))


def test_what_is_behind_is_shown_with_what_to_type(lake: Lake, chain: Chain, call: Call) -> None:
    old = chain.publish(lake, "run-1")
    made = chain.read(lake, "run-2", old)
    status, said, _ = call("status")
    assert status == 0
    assert "behind" not in said
    new = chain.publish(lake, "run-3")
    said = call("status")[1]
    head, numbers, reader, hint = said.splitlines()
    assert head.split() == ["dataflow", "current", "release", "since"]
    assert numbers.split()[:2] == ["numbers.v1", new.id]
    assert reader.split()[:2] == ["reader.v1", made.id]
    assert f"behind numbers.v1: it has read release {old.id}; {new.id} is current" in reader
    assert hint.startswith("to bring reader.v1 up to date: ")
    assert hint.endswith(" run reader")


def test_one_dataflow_is_shown_and_one_that_has_published_nothing(
    lake: Lake, chain: Chain, call: Call
) -> None:
    chain.publish(lake, "run-1")
    said = call("status", "reader")[1]
    assert "reader.v1  nothing published yet" in said
    assert "numbers" not in said
    assert call("status", "raeder")[0] == 2


def test_the_same_is_given_as_json(lake: Lake, chain: Chain, call: Call) -> None:
    old = chain.publish(lake, "run-1")
    made = chain.read(lake, "run-2", old)
    new = chain.publish(lake, "run-3")
    numbers, reader = json.loads(call("status", "--format", "json")[1])
    assert (numbers["dataflow"], numbers["release"], numbers["is_behind"]) == (
        "numbers.v1",
        new.id,
        False,
    )
    assert (reader["release"], reader["is_behind"]) == (made.id, True)
    (upstream,) = reader["upstream"]
    assert (upstream["read"], upstream["current"]) == (old.id, new.id)
    assert upstream["withdrawn"] is False
