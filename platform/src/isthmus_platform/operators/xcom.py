"""What one task of a run leaves for the next, through Airflow's XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from isthmus_contracts import Identity
from isthmus_platform.errors import UserError

if TYPE_CHECKING:
    from isthmus_platform.lake.intake.accepted import Accepted
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.runs.pins import Pins

RETURNED = "return_value"
"""The key under which Airflow keeps what a task returned."""
SHOWN = "shown"
"""The key under which the approving task leaves what the person was shown."""


def pins_from(context: Context, task: str) -> Pins:
    """Return the pins of the whole run, as its first task left them; raise what `left_by` does."""
    from isthmus_platform.pipeline.results import read_pins

    return read_pins(left_by(context, task))


def accepted_from(
    context: Context, task: str, pins: Pins, lake: Lake, dataflow: Identity
) -> Accepted:
    """Return what the run's transform tasks have accepted.

    Raise what `left_by` and `read_accepted` raise.
    """
    from isthmus_platform.pipeline.results import read_accepted

    return read_accepted(left_by(context, task), pins, lake, dataflow, context["ti"].run_id)


def left_by(context: Context, task: str, key: str = RETURNED) -> Any:  # noqa: ANN401 - plain JSON
    """Return what a task has left under a key, by default what it returned.

    Raise `UserError` for nothing: a person marked the task as successful, and it did not end well.
    """
    left = context["ti"].xcom_pull(task_ids=task, key=key)
    if left is None or (isinstance(left, list) and (not left or None in left)):
        raise UserError(
            f"{task} left nothing; clear it. A task that a person marks as successful has no result"
        )
    return left
