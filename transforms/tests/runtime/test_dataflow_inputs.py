"""`read_inputs` gives a notebook exactly what the functions of a run get."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus_contracts import Column, Interval, IntervalError, Partitioning, Table, UnknownNameError
from isthmus_contracts import DataflowContract as Contract
from isthmus_contracts.dataflows import File, Input
from isthmus_contracts.protocol import (
    Answer,
    CheckFinished,
    EngineProfile,
    Event,
    RunIdentity,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_transforms import loading, request_handler
from isthmus_transforms.cli.main import main
from isthmus_transforms.errors import InputError
from isthmus_transforms.request_handler import serve
from isthmus_transforms.runtime import Dataflow

TYPES = ("string", "int64", "float64", "bool", "date", "timestamp")
COLUMNS = (
    *(Column(f"a_{kind}", kind, "Full.") for kind in TYPES),
    *(Column(f"some_{kind}", kind, "Has nulls.", nullable=True) for kind in TYPES),
    *(Column(f"no_{kind}", kind, "Is null.", nullable=True) for kind in TYPES),
)
EVENTS = Table("events", "Anything.", COLUMNS, min_rows=2)
NOTES = Table("notes", "Notes.", (Column("note", "string", "A text."),))
SEEN = """
    import pandas as pd

    def seen(events: pd.DataFrame) -> str:
        types = [str(kind) for kind in events.dtypes]
        values = [[repr(value) for value in events[name].tolist()] for name in events]
        return repr((list(events.columns), types, values, repr(events.index)))
"""
DAYS = Table(
    "days", "Days.", (Column("day", "date", "Day."),), partitioning=Partitioning("day", "day")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a file for each input."""
    at = datetime(2013, 1, 31, 12, 30, tzinfo=UTC)
    values = {
        "string": (["x", "y"], pa.string()),
        "int64": ([1, 2**53 - 1], pa.int64()),
        "float64": ([0.1, 2.0], pa.float64()),
        "bool": ([True, False], pa.bool_()),
        "date": ([date(2013, 1, 31), date(2013, 2, 1)], pa.date32()),
        "timestamp": ([at, at], pa.timestamp("us", "UTC")),
    }
    columns = {}
    for kind, (full, arrow) in values.items():
        columns[f"a_{kind}"] = pa.array(full, arrow)
        columns[f"some_{kind}"] = pa.array([full[1], None], arrow)
        columns[f"no_{kind}"] = pa.array([None, None], arrow)
    columns["more"] = pa.array([1, 2])
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "events.parquet")
    pq.write_table(pa.table({"note": ["a"]}), folder / "notes.parquet")
    return folder


@pytest.fixture
def flow(flow_of: Callable[..., Dataflow]) -> Dataflow:
    made = flow_of(SEEN, "seen")
    inputs = tuple(Input(table, "shop", None) for table in (EVENTS, NOTES))
    return Dataflow(replace(made.contract, inputs=inputs), made.modules)


def _in_airflow(
    flow: Dataflow, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(request_handler, "load_dataflow", lambda _name: flow)
    staging.mkdir()
    request = RunRequest(
        identity=RunIdentity("manual__1", "transform", 1),
        dataflow="sales.v1",
        contract_version=flow.contract.version,
        targets=("seen",),
        params={},
        inputs={name: (str(folder / f"{name}.parquet"),) for name in ("events", "notes")},
        staging=str(staging),
        engine=EngineProfile("sequential", {}),
    )
    answers: list[Answer] = []
    assert serve(encode(request), answers.append) == 0
    assert isinstance(answers[-1], RunResult)
    return (staging / "seen.txt").read_text()


def test_a_notebook_a_command_and_airflow_compute_with_the_same_frames(
    flow: Dataflow, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = flow.read_inputs(folder)
    assert list(inputs["events"]) == [column.name for column in COLUMNS]
    assert inputs["events"]["a_date"].dtype.kind == "M"
    in_a_notebook = flow.compute("seen", inputs)
    assert _in_airflow(flow, folder, tmp_path / "staging", monkeypatch) == in_a_notebook

    monkeypatch.setattr(loading, "load_dataflow", lambda _name: flow)
    monkeypatch.chdir(tmp_path)
    assert main(["run", "carrier_days", "--inputs", "in", "--out", "out"]) == 0
    assert (tmp_path / "out" / "seen.txt").read_text() == in_a_notebook


def test_some_inputs_may_be_read(flow: Dataflow, folder: Path) -> None:
    (folder / "events.parquet").unlink()
    assert flow.read_inputs(str(folder), "notes")["notes"]["note"].tolist() == ["a"]
    assert list(flow.read_inputs(folder, ["notes"])) == ["notes"]
    assert flow.read_inputs(folder, []) == {}


def test_an_unknown_input_is_refused(flow: Dataflow, folder: Path) -> None:
    with pytest.raises(UnknownNameError) as caught:
        flow.read_inputs(folder, "event")
    assert str(caught.value) == "unknown input 'event'; did you mean 'events'?"


def test_a_missing_file_is_refused(flow: Dataflow, folder: Path) -> None:
    (folder / "notes.parquet").unlink()
    with pytest.raises(InputError) as caught:
        flow.read_inputs(folder)
    assert str(caught.value) == f"input 'notes': there is no file {folder / 'notes.parquet'}"


def test_the_contract_is_checked(
    flow: Dataflow, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pq.write_table(pq.read_table(folder / "events.parquet").slice(1), folder / "events.parquet")
    events: list[Event] = []
    with pytest.raises(
        InputError, match="input 'events': there is only 1 row; the contract says 2"
    ):
        flow.read_inputs(folder, on_event=events.append)
    assert [event.result.check for event in events if isinstance(event, CheckFinished)][-1] == (
        "min_rows"
    )
    with caplog.at_level(logging.WARNING), pytest.raises(InputError):
        flow.read_inputs(folder)
    assert "events: there is only 1 row; the contract says 2 (min_rows)" in caplog.messages


def test_only_the_rows_of_an_interval_are_read(folder: Path) -> None:
    contract = Contract(
        name="sales",
        version="1.0.0",
        owner="analytics",
        description="Days.",
        inputs=(Input(replace(EVENTS, min_rows=0), "shop", "a_date"), Input(NOTES, "shop", None)),
        outputs=(DAYS,),
    )
    flow = Dataflow(contract, ())
    january = Interval(date(2013, 1, 1), date(2013, 2, 1))
    read = flow.read_inputs(folder, interval=january)
    assert read["events"]["a_date"].tolist() == [pd.Timestamp(2013, 1, 31)]
    assert len(read["notes"]) == 1
    seen = File("seen", "Seen.", ".txt")
    whole = Dataflow(replace(contract, inputs=contract.inputs[1:], outputs=(seen,)), ())
    with pytest.raises(IntervalError, match="has no partitioned output"):
        whole.read_inputs(folder, interval=january)
