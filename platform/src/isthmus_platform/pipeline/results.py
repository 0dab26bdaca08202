"""What one task of a run leaves for the next, as plain JSON."""

from __future__ import annotations

from dataclasses import replace

from isthmus_contracts import Identity, Interval
from isthmus_contracts.codec import deserialize
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.intake.acceptance_record import check_recorded
from isthmus_platform.lake.intake.accepted import Accepted, join
from isthmus_platform.lake.layout import Lake
from isthmus_platform.runs.pins import Pins


def read_pins(plain: object) -> Pins:
    """Return the pins of the whole run from those of the run, or of each of its parts."""
    if not isinstance(plain, list):
        return deserialize(Pins, plain, "pins")
    parts = [deserialize(Pins, part, f"pins[{index}]") for index, part in enumerate(plain)]
    first, last = parts[0].interval, parts[-1].interval
    interval = Interval(first.start, last.end) if first and last else None
    return replace(parts[0], interval=interval)


def read_accepted(plain: object, pins: Pins, lake: Lake, dataflow: Identity, run: str) -> Accepted:
    """Return what a run's transform tasks have accepted, one task or a task for each part.

    Raise `PublicationError` if acceptance left no record of it, if the parts are not exactly the
    run's interval, or if they were computed from other pins than the run has now.
    """
    parts = plain if isinstance(plain, list) else [plain]
    accepted = [
        deserialize(Accepted, part, f"accepted[{index}]") for index, part in enumerate(parts)
    ]
    for part in accepted:
        check_recorded(lake, dataflow, run, part)
    joined = join(accepted, pins.interval)
    if joined.pins != pins.id:
        problem = "the inputs were pinned anew after it was computed; clear 'transform'"
        raise PublicationError(joined.dataflow, problem)
    return joined
