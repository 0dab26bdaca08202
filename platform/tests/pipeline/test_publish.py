"""What a run publishes, without Airflow."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from isthmus_contracts import DataflowContract
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake import releases
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.ingest import ingest
from isthmus_platform.pipeline.publish import Published, publish
from isthmus_platform.pipeline.transform import transform
from isthmus_platform.runs.pins import Pins


class Logged(Protocol):
    lines: list[str]


class Site(Protocol):
    dataflow: DeployedDataflow
    lake: Lake
    run: RunContext
    logged: Logged


def computed(site: Site, run: RunContext) -> tuple[Pins, Accepted]:
    pins = ingest(site.dataflow, site.lake, run)
    return pins, transform(site.dataflow, site.lake, run, lambda: pins)


def test_the_release_is_current_afterwards(site: Site) -> None:
    published = publish(site.dataflow, site.lake, site.run, *computed(site, site.run))
    current = releases.current(site.lake, site.dataflow.contract.identity)
    assert current is not None
    assert published == Published(current.id, current.id)
    assert current.metrics == {"sums": {"total": 6.0}}
    assert site.logged.lines[-1] == f"published release {current.id} of totals.v1"


def test_a_repeated_publication_names_the_release_that_is_current_by_now(site: Site) -> None:
    first = computed(site, site.run)
    old = publish(site.dataflow, site.lake, site.run, *first)
    later = replace(site.run, run="manual__2", params={"factor": 4})
    new = publish(site.dataflow, site.lake, later, *computed(site, later))
    again = publish(site.dataflow, site.lake, site.run, *first)
    assert again == Published(old.release, new.release)
    assert "has been published since and stays current" in site.logged.lines[-1]


@pytest.mark.parametrize("cleared", ["transform", "ingest"])
def test_a_cleared_run_publishes_anew_also_the_same_content(site: Site, cleared: str) -> None:
    pins, accepted = computed(site, site.run)
    first = publish(site.dataflow, site.lake, site.run, pins, accepted)
    later = replace(site.run, run="manual__2", params={"factor": 4})
    publish(site.dataflow, site.lake, later, *computed(site, later))
    again = replace(site.run, attempt=2)
    if cleared == "ingest":
        pins = ingest(site.dataflow, site.lake, again)
    accepted = transform(site.dataflow, site.lake, again, lambda: pins)
    anew = publish(site.dataflow, site.lake, again, pins, accepted)
    assert anew.release != first.release
    assert anew.current == anew.release
    current = releases.current(site.lake, site.dataflow.contract.identity)
    assert current is not None
    assert current.metrics == {"sums": {"total": 6.0}}
    assert publish(site.dataflow, site.lake, again, pins, accepted) == anew


def test_outputs_of_another_contract_version_are_not_published(site: Site) -> None:
    pins, accepted = computed(site, site.run)
    with pytest.raises(PublicationError, match="contract version"):
        publish(
            site.dataflow, site.lake, site.run, pins, replace(accepted, contract_version="2.0.0")
        )


class Chain(Protocol):
    numbers: DataflowContract

    def publish(self, lake: Lake, run: str) -> Release: ...


def test_an_input_that_was_withdrawn_after_it_was_pinned_is_warned_of(
    site: Site, chain: Chain
) -> None:
    old, new = (chain.publish(site.lake, f"run-{number}") for number in (1, 2))
    contract = replace(site.dataflow.contract, inputs=(chain.numbers.input("rows"),))
    reading = replace(site.dataflow, contract=contract)
    pins = ingest(reading, site.lake, site.run)
    accepted = transform(reading, site.lake, site.run, lambda: pins)
    assert pins.inputs["rows"].release == new.id
    publish(reading, site.lake, site.run, pins, accepted)
    assert not any("withdrew" in line for line in site.logged.lines)
    releases.roll_back(site.lake, chain.numbers.identity, old.id, by="ada")
    publish(reading, site.lake, site.run, pins, accepted)
    assert any(
        f"input 'rows' is of release {new.id} of numbers.v1, which ada withdrew at 2" in line
        for line in site.logged.lines
    )
