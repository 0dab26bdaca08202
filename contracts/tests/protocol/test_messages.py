from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from typing import get_args

import pytest

from isthmus_contracts import Interval, ProtocolError
from isthmus_contracts.protocol import (
    EngineProfile,
    Message,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
    decode_request,
    encode,
)

REQUEST = RunRequest(
    identity=RunIdentity("manual__1", "transform", 1),
    dataflow="flight_delays.v1",
    contract_version="1.0.0",
    targets=("flight_features",),
    params={
        "seed": 1,
        "model": "logistic",
        "full": True,
        "share": 0.5,
        "airports": ["JFK", "LGA"],
        "weights": {"JFK": 1, "LGA": 0.5},
    },
    inputs={"flights": ("a.parquet", "b.parquet")},
    staging="staging",
    engine=EngineProfile("local", {"workers": 2}),
)
JANUARY = Interval(date(2013, 1, 1), date(2013, 2, 1))


def result(*files: StagedFile) -> RunResult:
    staged = (StagedOutput("days", files),)
    return RunResult(REQUEST.identity, REQUEST.dataflow, "1.0.0", "abc", staged)


def test_no_message_has_a_field_that_the_envelope_needs() -> None:
    for kind in get_args(Message):
        assert not {"protocol", "type"} & {field_.name for field_ in fields(kind)}


def test_the_line_of_a_request_is_as_written_down() -> None:
    assert json.loads(encode(REQUEST)) == {
        "protocol": 1,
        "type": "request",
        "identity": {"run": "manual__1", "task": "transform", "attempt": 1},
        "dataflow": "flight_delays.v1",
        "contract_version": "1.0.0",
        "targets": ["flight_features"],
        "params": {
            "seed": 1,
            "model": "logistic",
            "full": True,
            "share": 0.5,
            "airports": ["JFK", "LGA"],
            "weights": {"JFK": 1, "LGA": 0.5},
        },
        "inputs": {"flights": ["a.parquet", "b.parquet"]},
        "staging": "staging",
        "engine": {"name": "local", "options": {"workers": 2}},
        "checkpoints": None,
        "interval": None,
        "stop_at": None,
        "intermediates": [],
        "checkpoint_quota": None,
    }


def test_an_interval_is_two_days_and_a_partition_a_name() -> None:
    line = encode(replace(REQUEST, interval=JANUARY))
    assert json.loads(line)["interval"] == {"start": "2013-01-01", "end": "2013-02-01"}
    line = encode(result(StagedFile("days/2013-01.parquet", 3, "f" * 64, 1, "2013-01")))
    (file,) = json.loads(line)["outputs"][0]["files"]
    assert file["partition"] == "2013-01"


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ({"start": "2013-01-01"}, "RunRequest.interval: field 'end' is missing"),
        (
            {"start": "20130101", "end": "2013-02-01"},
            "RunRequest.interval.start: expected a day as in '2013-01-31', got '20130101'",
        ),
        (
            {"start": "2013-02-01", "end": "2013-02-01"},
            "RunRequest.interval: the interval starts on 2013-02-01 and ends before 2013-02-01, ",
        ),
    ],
)
def test_what_is_no_interval_is_refused(interval: object, message: str) -> None:
    line = json.dumps({**json.loads(encode(REQUEST)), "interval": interval})
    with pytest.raises(ProtocolError) as caught:
        decode_request(line)
    assert str(caught.value).startswith(message)
