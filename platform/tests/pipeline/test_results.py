"""What one task leaves for the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Identity, Interval, ProtocolError
from isthmus_contracts.codec import serialize
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.acceptance_record import record_accepted
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.pipeline.results import read_accepted, read_pins
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import DiskStore

JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
FEBRUARY = Interval(date(2013, 2, 1), date(2013, 3, 1))
BOTH = Interval(date(2013, 1, 1), date(2013, 3, 1))
PINS = Pins({"factor": 2}, {"orders": Pin("sources/shop/orders", 3)}, BOTH, deployment="0" * 64)
DAYS = Identity("days", 1)
ACCEPTED = Accepted("days.v1", "1.0.0", "code", "run", (AcceptedOutput("days"),), interval=BOTH)


def test_pins_are_read_as_they_were_written() -> None:
    assert read_pins(serialize(PINS)) == PINS


def test_the_pins_of_all_parts_are_those_of_the_run() -> None:
    parts = [serialize(replace(PINS, interval=part)) for part in (JANUARY, FEBRUARY)]
    assert read_pins(parts) == PINS


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(DiskStore(tmp_path))


def read(lake: Lake, plain: object, pins: Pins = PINS) -> Accepted:
    return read_accepted(plain, pins, lake, DAYS, "run")


def recorded(lake: Lake, *parts: Accepted) -> list[object]:
    """Record each part as accepted, and return them as plain JSON."""
    for part in parts:
        record_accepted(lake, DAYS, "run", part)
    return [serialize(part) for part in parts]


def test_accepted_outputs_are_joined_to_those_of_the_run(lake: Lake) -> None:
    parts = [replace(ACCEPTED, interval=part) for part in (FEBRUARY, JANUARY)]
    for accepted in (ACCEPTED, *parts):
        record_accepted(lake, DAYS, "run", accepted)
    assert read(lake, [serialize(part) for part in parts]) == ACCEPTED
    assert read(lake, serialize(ACCEPTED)) == ACCEPTED


def test_a_part_that_is_missing_is_refused(lake: Lake) -> None:
    part = replace(ACCEPTED, interval=JANUARY)
    record_accepted(lake, DAYS, "run", part)
    with pytest.raises(PublicationError, match="its parts are"):
        read(lake, [serialize(part)])


def test_a_part_that_acceptance_has_not_recorded_is_refused(lake: Lake) -> None:
    parts = [replace(ACCEPTED, interval=part) for part in (FEBRUARY, JANUARY)]
    record_accepted(lake, DAYS, "run", parts[0])
    with pytest.raises(PublicationError, match="acceptance left no record"):
        read(lake, [serialize(part) for part in parts])


def test_the_attempts_of_all_parts_made_what_is_joined(lake: Lake) -> None:
    parts = [
        replace(ACCEPTED, interval=part, attempts=(attempt,))
        for part, attempt in ((FEBRUARY, "b"), (JANUARY, "a"))
    ]
    assert read(lake, recorded(lake, *parts)).attempts == ("a", "b")


def test_what_was_computed_from_earlier_pins_is_refused(lake: Lake) -> None:
    (old,) = recorded(lake, replace(ACCEPTED, pins="first"))
    assert read(lake, old, replace(PINS, id="first")).pins == "first"
    with pytest.raises(PublicationError, match=r"pinned anew .*; clear 'transform'"):
        read(lake, old, replace(PINS, id="second"))


def test_parts_that_were_computed_from_different_pins_are_refused(lake: Lake) -> None:
    parts = [
        replace(ACCEPTED, interval=part, pins=pins)
        for part, pins in ((JANUARY, "first"), (FEBRUARY, "second"))
    ]
    with pytest.raises(PublicationError, match="from different inputs; clear the whole run"):
        read(lake, recorded(lake, *parts), replace(PINS, id="second"))


@pytest.mark.parametrize("plain", [None, "text", {"params": {}}, [{"params": 1}]])
def test_what_no_task_has_left_is_refused(plain: object) -> None:
    with pytest.raises(ProtocolError):
        read_pins(plain)
