"""What one task of a run leaves for the next, through Airflow's XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Context

from isthmus_contracts import Interval
from isthmus_contracts.codec import deserialize
from isthmus_platform.runs.pins import Pins

if TYPE_CHECKING:
    from isthmus_platform.lake.intake.acceptance import Accepted


SHOWN = "shown"
"""The key under which the approving task leaves what the person was shown."""


def pins_from(context: Context, task: str) -> Pins:
    """Return the pins of the whole run, as its first task left them."""
    plain = context["ti"].xcom_pull(task_ids=task)
    if not isinstance(plain, list):
        return deserialize(Pins, plain, "pins")
    parts = [deserialize(Pins, each, f"pins[{number}]") for number, each in enumerate(plain)]
    first, last = parts[0].interval, parts[-1].interval
    interval = Interval(first.start, last.end) if first and last else None
    return Pins(parts[0].params, parts[0].inputs, interval)


def accepted_from(context: Context, task: str, interval: Interval | None) -> Accepted:
    """Return what the run's tasks, one or those that it was mapped to, have accepted.

    Raise `PublicationError` if they are not together what the run is for.
    """
    from isthmus_platform.lake.intake.acceptance import Accepted, join

    plain = context["ti"].xcom_pull(task_ids=task)
    parts = plain if isinstance(plain, list) else [plain]
    accepted = [deserialize(Accepted, part, f"accepted[{n}]") for n, part in enumerate(parts)]
    return join(accepted, interval)
