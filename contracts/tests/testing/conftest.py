from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import isthmus_contracts
from isthmus_contracts import Interval, Metrics, Output, Table
from isthmus_contracts.protocol import Answer, EngineProfile, RunIdentity, RunRequest, encode
from isthmus_contracts.testing.conformance import Subject
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS

PUPPET = 'read -r line; printf %s "$1"; exit "$2"'
STREAM = b"\xff\xff\xff\xff%s\xff\xff\xff\xff\0\0\0\0"
ENVIRONMENT = {"PYTHONPATH": str(Path(isthmus_contracts.__file__).parents[1])}


def _prepare(output: Output, folder: Path) -> None:
    if isinstance(output, Metrics):
        numbers = {metric.name: metric.minimum or 0.0 for metric in output.metrics}
        (folder / f"{output.name}.json").write_text(json.dumps(numbers), encoding="utf-8")
    else:
        content = output.name.encode()
        if isinstance(output, Table):
            content = STREAM % content
        (folder / f"{output.name}.bin").write_bytes(content)


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    staging = tmp_path / "staging"
    staging.mkdir()
    return RunRequest(
        identity=RunIdentity("manual__1", "transform", 1),
        dataflow=str(PARCEL_DELAYS.identity),
        contract_version=PARCEL_DELAYS.version,
        targets=tuple(output.name for output in PARCEL_DELAYS.outputs),
        params={param.name: param.default for param in PARCEL_DELAYS.params},
        inputs={
            table_input.name: (f"{table_input.name}.parquet",)
            for table_input in PARCEL_DELAYS.inputs
        },
        staging=str(staging),
        engine=EngineProfile("local", {}),
    )


@pytest.fixture
def stand_in(tmp_path: Path, request_: RunRequest) -> Callable[..., Subject]:
    """Return a function that makes a subject of the stand-in runner, perhaps with a fault."""
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for output in PARCEL_DELAYS.outputs:
        _prepare(output, outputs)

    def make(fault: str | None = None) -> Subject:
        module = ("-m", "isthmus_contracts.testing.runner", "--outputs", str(outputs))
        command = (sys.executable, "-S", *module, *(("--fault", fault) if fault else ()))
        return Subject(command, request_, ENVIRONMENT, timeout=30)

    return make


@pytest.fixture
def months(stand_in: Callable[..., Subject], tmp_path: Path) -> Callable[..., Subject]:
    """Return a function that asks the stand-in runner for the first quarter, but March is empty."""
    folder = tmp_path / "outputs" / "courier_days"
    folder.mkdir()
    for name in ("2012-12", "2013-01", "2013-02", "2013-04"):
        (folder / f"{name}.arrows").write_bytes(STREAM % name.encode())

    def make(fault: str | None = None) -> Subject:
        subject = stand_in(fault)
        request = replace(
            subject.request,
            dataflow=str(COURIER_DAYS.identity),
            contract_version=COURIER_DAYS.version,
            targets=("courier_days",),
            params={},
            inputs={"parcel_features": ("parcel_features.parquet",)},
            interval=Interval(date(2013, 1, 1), date(2013, 4, 1)),
        )
        return replace(subject, request=request)

    return make


@pytest.fixture
def small(request_: RunRequest) -> RunRequest:
    return replace(request_, targets=("a",), params={"p": 1}, inputs={"i": ("i.parquet",)})


@pytest.fixture
def puppet(small: RunRequest) -> Callable[..., Subject]:
    """Return a function that makes a subject that answers the same whatever it is asked."""

    def make(*answers: Answer, status: int = 0, text: str = "") -> Subject:
        lines = "".join(encode(answer) + "\n" for answer in answers) + text
        command = ("/bin/sh", "-c", PUPPET, "puppet", lines, str(status))
        return Subject(command, small, {}, timeout=30)

    return make
