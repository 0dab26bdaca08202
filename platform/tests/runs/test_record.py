from __future__ import annotations

import json
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import (
    CheckpointWritten,
    Graph,
    GraphNode,
    NodeFinished,
    NodeStarted,
    RunFailure,
)
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.index import index_entries
from isthmus_platform.runs.pins import Pins
from isthmus_platform.runs.record import index_of, safe_name

GRAPH = Graph(
    0.0,
    (
        GraphNode("parcels", "input", "table", "Parcels.", ()),
        GraphNode("delays", "function", "table", "<script>", ("parcels",), "delays"),
        GraphNode("scores", "function", "table", "Scores.", ("delays",), "scores"),
    ),
)


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__2013-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    "run",
    [
        *("", "..", ".", "../../etc", "a/b", "/abs", ".hidden", "a\\b", "ü b", "a\nb", "a\0b"),
        *("x" * 250, "é" * 250, "." * 250, "/" * 10_000),
    ],
)
def test_no_run_id_leads_out_of_the_directory(tmp_path: Path, run: str) -> None:
    record = RunRecord(tmp_path, Identity("parcel_delays", 1), run)
    assert record.directory.resolve().parent == tmp_path / "records" / "parcel_delays.v1" / "runs"
    assert record.work.resolve().parent == tmp_path / "work" / "parcel_delays.v1"
    assert "/" not in safe_name(run)
    with record.attempt("transform", 1).recording() as recorder:
        recorder.record(GRAPH)
    assert record.graph_file.is_file()


def test_different_runs_have_different_directories() -> None:
    long = ["x" * 300, "x" * 300 + "1", "x" * 300 + "2"]
    runs = ["", "%", "a/b", "a%2Fb", "a b", "a+b", ".a", "%2Ea", *long, safe_name(long[0])]
    assert len({safe_name(run) for run in runs}) == len(runs)


def test_answers_can_be_read_while_they_are_recorded(record: RunRecord) -> None:
    attempt = record.attempt("transform", 1)
    assert list(attempt.answers()) == []
    with attempt.recording() as recorder:
        recorder.record(GRAPH)
        assert list(attempt.answers()) == [GRAPH]
        recorder.file.write('{"half a li')
        recorder.file.flush()
        assert list(attempt.answers()) == [GRAPH]


def test_an_attempt_that_starts_again_loses_its_earlier_answers(record: RunRecord) -> None:
    attempt = record.attempt("transform", 1)
    for node in ("delays", "scores"):
        with attempt.recording() as recorder:
            recorder.record(NodeStarted(1.0, node))
    assert list(attempt.answers()) == [NodeStarted(1.0, "scores")]


def test_the_graph_is_drawn_and_escaped(record: RunRecord) -> None:
    with record.attempt("transform", 1).recording() as recorder:
        recorder.record(GRAPH)
    svg = record.graph_file.read_text()
    assert "delays" in svg
    assert "<script>" not in svg


def test_attempts_are_listed_in_order(record: RunRecord) -> None:
    for number in (1, 2):
        with record.attempt("transform", number).recording() as recorder:
            recorder.record(GRAPH)
    assert [attempt.number for attempt in record.attempts()] == [1, 2]


def test_the_answers_about_a_node_are_those_that_name_it(record: RunRecord) -> None:
    attempt = record.attempt("transform", 1)
    assert list(attempt.answers_about("delays")) == []
    about = (
        NodeStarted(1.0, "delays"),
        NodeFinished(2.0, "delays", 1.0),
        CheckpointWritten(2.5, "delays", 10, 0.1, "file"),
        RunFailure("dataflow", "no", "delays", traceback='{"node":"scores"}'),
    )
    with attempt.recording() as recorder:
        for answer in (GRAPH, *about, NodeStarted(3.0, "scores")):
            recorder.record(answer)
    assert tuple(attempt.answers_about("delays")) == about
    assert list(attempt.answers_about("scores")) == [NodeStarted(3.0, "scores")]
    assert list(attempt.answers_about("parcels")) == []


def test_pins_are_written_again_by_a_later_attempt(record: RunRecord) -> None:
    for seed in (1, 2):
        record.write_pins(Pins({"seed": seed}, {}))
    assert json.loads(record.pins.read_text())["params"] == {"seed": 2}


def test_a_record_has_one_entry_and_gets_it_first(
    record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = index_of(record.root, record.dataflow)

    def mkdir(path: Path, *arguments: object, **named: object) -> None:
        assert path != record.directory or list(index_entries(index))
        make(path, *arguments, **named)  # type: ignore[arg-type]

    make = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", mkdir)
    for _ in range(3):
        record.create()
    assert [entry.run for entry in index_entries(index)] == [record.run]
