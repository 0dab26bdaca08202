"""What one task of a run leaves for the next, through Airflow's XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Context

from isthmus_contracts import Identity, Interval

if TYPE_CHECKING:
    from isthmus_platform.lake.intake.accepted import Accepted
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.runs.pins import Pins

SHOWN = "shown"
"""The key under which the approving task leaves what the person was shown."""


def pins_from(context: Context, task: str) -> Pins:
    """Return the pins of the whole run, as its first task left them."""
    from isthmus_platform.pipeline.results import read_pins

    return read_pins(context["ti"].xcom_pull(task_ids=task))


def accepted_from(
    context: Context, task: str, interval: Interval | None, lake: Lake, dataflow: Identity
) -> Accepted:
    """Return what the run's transform tasks have accepted; raise what `read_accepted` raises."""
    from isthmus_platform.pipeline.results import read_accepted

    plain = context["ti"].xcom_pull(task_ids=task)
    return read_accepted(plain, interval, lake, dataflow, context["ti"].run_id)
