"""The record of what acceptance took into the lake for a run; nobody else can write one.

The tasks of a run pass the list of accepted files on through XCom, which users of Airflow's API can
change. Publication refuses a list unless acceptance left the same record of it for this run.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

from isthmus_contracts import Identity
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import Location


def record_accepted(lake: Lake, dataflow: Identity, run: str, accepted: Accepted) -> None:
    """Leave the record of what was accepted for this run."""
    with suppress(FileExistsError):  # a name says all of the content
        write_once(_place(lake, dataflow, run, accepted), accepted)


def check_recorded(lake: Lake, dataflow: Identity, run: str, accepted: Accepted) -> None:
    """Raise `PublicationError` unless acceptance recorded exactly this for this run."""
    with translated(lake):
        found = _place(lake, dataflow, run, accepted).find()
    if found is None:
        raise PublicationError(
            str(dataflow),
            f"acceptance left no record in the lake of what the XCom of run {run!r} says was "
            "accepted: it is of another run or dataflow, was changed, or is too old; clear the "
            "task transform",
        )


def _place(lake: Lake, dataflow: Identity, run: str, accepted: Accepted) -> Location:
    folder = lake.accepted(dataflow) / hashlib.sha256(run.encode()).hexdigest()[:32]
    # As it is read from XCom: a whole number of metrics is a float there.
    plain = serialize(deserialize(Accepted, serialize(accepted), "accepted"))
    text = json.dumps(plain, sort_keys=True, allow_nan=False)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
