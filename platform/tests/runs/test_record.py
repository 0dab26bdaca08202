from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Graph, GraphNode, NodeStarted
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.record import safe_name

GRAPH = Graph(
    0.0,
    (
        GraphNode("flights", "input", "table", "Flights.", ()),
        GraphNode("delays", "function", "table", "<script>", ("flights",), "delays"),
        GraphNode("scores", "function", "table", "Scores.", ("delays",), "scores"),
    ),
)


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("flight_delays", 1), "manual__2013-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    "run",
    [
        *("..", ".", "../../etc", "a/b", "/abs", ".hidden", "a\\b", "ü b", "a\nb", "a\0b"),
        *("x" * 250, "é" * 250, "." * 250, "/" * 10_000),
    ],
)
def test_no_run_id_leads_out_of_the_directory(tmp_path: Path, run: str) -> None:
    record = RunRecord(tmp_path, Identity("flight_delays", 1), run)
    assert record.directory.resolve().parent == tmp_path / "flight_delays.v1"
    assert "/" not in safe_name(run)
    with record.attempt("transform", 1).recording() as recorder:
        recorder.record(GRAPH)
    assert record.graph_file.is_file()


def test_different_runs_have_different_directories() -> None:
    long = ["x" * 300, "x" * 300 + "1", "x" * 300 + "2"]
    runs = ["a/b", "a%2Fb", "a b", "a+b", ".a", "%2Ea", *long, safe_name(long[0])]
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


def test_a_workspace_is_empty_at_first_and_removed_afterwards(record: RunRecord) -> None:
    attempt = record.attempt("transform", 2)
    with attempt.workspace() as workspace:
        (workspace.staging / "stray").write_text("stray")
        with attempt.workspace() as again:
            assert list(again.staging.iterdir()) == []
            assert again.scratch.is_dir()
    assert not workspace.staging.parent.exists()


def test_the_workspace_of_a_killed_attempt_is_removed_by_the_next(record: RunRecord) -> None:
    left = [record.directory / name for name in ("transform.1.work", "another.1.work")]
    for directory in left:
        (directory / "staging").mkdir(parents=True)
        (directory / "staging" / "days.parquet").write_text("what was staged")
    with record.attempt("transform", 3).workspace():
        assert not left[0].exists()
    assert list(record.directory.iterdir()) == left[1:]


def test_attempts_are_listed_in_order(record: RunRecord) -> None:
    for number in (1, 2):
        with record.attempt("transform", number).recording() as recorder:
            recorder.record(GRAPH)
    assert [attempt.number for attempt in record.attempts()] == [1, 2]
