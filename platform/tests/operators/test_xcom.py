"""What a task finds of the tasks before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.codec import serialize
from isthmus_platform.errors import PublicationError, UserError
from isthmus_platform.lake.intake.acceptance_record import record_accepted
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.operators.xcom import SHOWN, accepted_from, left_by, pins_from
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import DiskStore

DAYS = Identity("days", 1)
PINS = Pins({"factor": 2}, {}, id="first")
ACCEPTED = Accepted("days.v1", "1.0.0", "code", "run", (), attempts=("one",), pins="first")


def airflow_context(**left: object) -> Any:  # noqa: ANN401 - a stand-in of Airflow's context
    """Return a context in which tasks have left these values, by task or task and key."""

    def xcom_pull(task_ids: str, key: str) -> object:
        return left.get(task_ids if key == "return_value" else f"{task_ids}_{key}")

    return {"ti": SimpleNamespace(xcom_pull=xcom_pull, run_id="run")}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake in which acceptance has recorded what the run computed."""
    lake = Lake(DiskStore(tmp_path))
    record_accepted(lake, DAYS, "run", ACCEPTED)
    return lake


def test_what_tasks_have_left_is_read(lake: Lake) -> None:
    context = airflow_context(ingest=serialize(PINS), transform=serialize(ACCEPTED))
    assert pins_from(context, "ingest") == PINS
    assert accepted_from(context, "transform", PINS, lake, DAYS) == ACCEPTED
    assert left_by(airflow_context(approve_shown={"digest": "d"}), "approve", SHOWN) == {
        "digest": "d"
    }


@pytest.mark.parametrize("left", [None, [], [serialize(ACCEPTED), None]])
def test_a_task_that_a_person_marked_as_successful_has_left_nothing(
    lake: Lake, left: object
) -> None:
    context = airflow_context(ingest=left, transform=left)
    with pytest.raises(UserError, match=r"^transform left nothing; clear it"):
        accepted_from(context, "transform", PINS, lake, DAYS)
    with pytest.raises(UserError, match=r"^ingest left nothing; clear it"):
        pins_from(context, "ingest")


def test_what_was_computed_from_other_pins_is_refused(lake: Lake) -> None:
    context = airflow_context(transform=serialize(ACCEPTED))
    with pytest.raises(UserError, match="clear 'transform'"):
        accepted_from(context, "transform", replace(PINS, id="second"), lake, DAYS)


def test_what_acceptance_has_not_recorded_for_this_run_is_refused(lake: Lake) -> None:
    forged = replace(ACCEPTED, attempts=("two",))
    with pytest.raises(PublicationError, match="acceptance left no record"):
        accepted_from(airflow_context(transform=serialize(forged)), "transform", PINS, lake, DAYS)
