"""What one task leaves for the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from isthmus_contracts import Interval, ProtocolError
from isthmus_contracts.codec import serialize
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedOutput
from isthmus_platform.lake.pins import Pin
from isthmus_platform.pipeline.results import read_accepted, read_pins
from isthmus_platform.runs.pins import Pins

JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))
FEBRUARY = Interval(date(2013, 2, 1), date(2013, 3, 1))
BOTH = Interval(date(2013, 1, 1), date(2013, 3, 1))
PINS = Pins({"factor": 2}, {"orders": Pin("sources/shop/orders", 3)}, BOTH)
ACCEPTED = Accepted("days.v1", "1.0.0", "code", "run", (AcceptedOutput("days"),), interval=BOTH)


def test_pins_are_read_as_they_were_written() -> None:
    assert read_pins(serialize(PINS)) == PINS


def test_the_pins_of_all_parts_are_those_of_the_run() -> None:
    parts = [serialize(replace(PINS, interval=part)) for part in (JANUARY, FEBRUARY)]
    assert read_pins(parts) == PINS


def test_accepted_outputs_are_joined_to_those_of_the_run() -> None:
    parts = [serialize(replace(ACCEPTED, interval=part)) for part in (FEBRUARY, JANUARY)]
    assert read_accepted(parts, PINS) == ACCEPTED
    assert read_accepted(serialize(ACCEPTED), PINS) == ACCEPTED


def test_the_attempts_of_all_parts_made_what_is_joined() -> None:
    parts = [
        serialize(replace(ACCEPTED, interval=part, attempts=(attempt,)))
        for part, attempt in ((FEBRUARY, "b"), (JANUARY, "a"))
    ]
    assert read_accepted(parts, PINS).attempts == ("a", "b")


def test_a_part_that_is_missing_is_refused() -> None:
    part = serialize(replace(ACCEPTED, interval=JANUARY))
    with pytest.raises(PublicationError, match="its parts are"):
        read_accepted([part], PINS)


def test_what_was_computed_from_earlier_pins_is_refused() -> None:
    old = serialize(replace(ACCEPTED, pins="first"))
    assert read_accepted(old, replace(PINS, id="first")).pins == "first"
    with pytest.raises(PublicationError, match=r"pinned anew .*; clear 'transform'"):
        read_accepted(old, replace(PINS, id="second"))


def test_parts_that_were_computed_from_different_pins_are_refused() -> None:
    parts = [
        serialize(replace(ACCEPTED, interval=part, pins=pins))
        for part, pins in ((JANUARY, "first"), (FEBRUARY, "second"))
    ]
    with pytest.raises(PublicationError, match="from different inputs; clear the whole run"):
        read_accepted(parts, replace(PINS, id="second"))


@pytest.mark.parametrize("plain", [None, "text", {"params": {}}, [{"params": 1}]])
def test_what_no_task_has_left_is_refused(plain: object) -> None:
    with pytest.raises(ProtocolError):
        read_pins(plain)
