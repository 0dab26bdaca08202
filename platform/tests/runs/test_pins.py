from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from isthmus_contracts import Identity, Interval
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.documents import parse_document
from isthmus_platform.lake.pins import Pin
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins

INPUTS = {"a": Pin("sources/a", 3), "b": Pin("dataflows/b", 0, "0a1b")}


@pytest.mark.parametrize("interval", [None, Interval(date(2013, 1, 1), date(2013, 2, 1))])
def test_pins_are_read_as_they_were_written(tmp_path: Path, interval: Interval | None) -> None:
    record = RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__1")
    params = {"model": "logistic", "seed": 1, "months": [1, 2], "weights": {"JFK": 1.5}}
    pins = Pins(params, INPUTS, interval)
    record.write_pins(pins)
    assert parse_document(Pins, record.pins.read_bytes(), "pins") == pins
    assert [path.name for path in record.directory.iterdir()] == ["pins.json"]


def test_pins_without_inputs_are_refused() -> None:
    with pytest.raises(LakeError, match=r"pins\.json: .*inputs"):
        parse_document(Pins, b'{"params": {}}', "pins.json")
