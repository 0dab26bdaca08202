from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pytest

from isthmus_contracts import DataflowContract, Identity
from isthmus_contracts.catalog import Catalog
from isthmus_platform.cli import rollback as module
from isthmus_platform.errors import UserError
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.storage import DiskStore

Call = Callable[..., tuple[int, str, str]]


class Chain(Protocol):
    numbers: DataflowContract
    catalog: Catalog

    def publish(self, lake: Lake, run: str) -> Release: ...
    def read(self, lake: Lake, run: str, read: Release) -> Release: ...


@pytest.fixture
def lake(state: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(module, "CATALOG", chain.catalog)
    return Lake(DiskStore(state / "lake"))


def current(lake: Lake, chain: Chain) -> str:
    found = releases.current(lake, chain.numbers.identity)
    assert found is not None
    return found.id


def test_the_readers_are_listed_with_what_to_type(lake: Lake, chain: Chain, call: Call) -> None:
    old, new = chain.publish(lake, "run-1"), chain.publish(lake, "run-2")
    assert (
        "reader.v1 reads it, and has published nothing yet"
        in call("rollback", "numbers", new.id)[1]
    )
    chain.read(lake, "run-3", new)
    status, said, _ = call("rollback", "numbers", old.id)
    assert status == 0
    head, reader, hint = said.splitlines()
    assert head == f"release {old.id} of numbers.v1 is current"
    assert f"reader.v1 is behind numbers.v1: it has read release {new.id}, which was withdrawn" in (
        reader
    )
    assert hint.startswith("to bring reader.v1 up to date: ")
    assert hint.endswith(" run reader")
    said = call("rollback", "numbers", new.id)[1]
    assert said.splitlines()[1:] == ["  reader.v1 has read it"]


class Announcer:
    """Stand for a session at Airflow."""

    announced: list[tuple[str, str, str]]

    def __init__(self, url: str) -> None:
        self.url = url

    def __enter__(self) -> Self:
        if "nowhere" in self.url:
            raise UserError("Airflow does not answer")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing."""

    def announce(self, dataflow: Identity, release: str) -> None:
        self.announced.append((self.url, str(dataflow), release))


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Return what is announced from now on."""
    monkeypatch.setattr(module, "Announcer", Announcer)
    monkeypatch.setattr(Announcer, "announced", [], raising=False)
    return Announcer.announced


def test_a_rollback_is_announced_where_that_is_wanted(
    lake: Lake, chain: Chain, call: Call, announced: list[tuple[str, str, str]]
) -> None:
    old, new = chain.publish(lake, "run-1"), chain.publish(lake, "run-2")
    call("rollback", "numbers", old.id)
    assert announced == []
    said = call("--port", "8123", "rollback", "numbers", new.id, "--announce")[1]
    assert "announced: Airflow starts the dataflows that read it" in said
    call("rollback", "numbers", old.id, "--announce", "http://airflow:8080")
    assert announced == [
        ("http://127.0.0.1:8123", "numbers.v1", new.id),
        ("http://airflow:8080", "numbers.v1", old.id),
    ]


@pytest.mark.usefixtures("announced")
def test_nothing_is_withdrawn_if_it_cannot_be_announced(
    lake: Lake, chain: Chain, call: Call
) -> None:
    old, new = chain.publish(lake, "run-1"), chain.publish(lake, "run-2")
    arguments = ("rollback", "numbers", old.id, "--announce", "http://nowhere")
    assert call(*arguments)[0] == 2
    assert current(lake, chain) == new.id
