"""Runs of the past, as their tasks would have left them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Answer, encode
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.index import add_entry
from isthmus_platform.runs.record import index_of

WritePast = Callable[..., RunRecord]

DATAFLOW = Identity("parcel_delays", 1)


@pytest.fixture
def write_past(tmp_path: Path) -> WritePast:
    """Return a function that writes the record of a run with one attempt."""

    def write(run: str, started_at: datetime, *answers: Answer) -> RunRecord:
        record = RunRecord(tmp_path, DATAFLOW, run)
        add_entry(index_of(tmp_path, DATAFLOW), run, started_at)
        record.directory.mkdir(parents=True)
        record.pins.write_text("{}")
        lines = "".join(f"{encode(answer)}\n" for answer in answers)
        record.attempt("transform", 1).events.write_text(lines)
        os.utime(record.directory, (started_at.timestamp(), started_at.timestamp()))
        return record

    return write
