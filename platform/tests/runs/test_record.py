from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Graph, GraphNode, NodeFinished, NodeStarted
from isthmus_platform.runs import RunRecord, summarize
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


@pytest.mark.parametrize("run", ["..", ".", "../../etc", "a/b", "/abs", ".hidden", "a\\b", "ü b"])
def test_no_run_id_leads_elsewhere(tmp_path: Path, run: str) -> None:
    directory = RunRecord(tmp_path, Identity("flight_delays", 1), run).directory
    assert directory.resolve().parent == tmp_path / "flight_delays.v1"
    assert "/" not in safe_name(run)


def test_different_runs_have_different_directories() -> None:
    runs = ["a/b", "a%2Fb", "a b", "a+b", ".a", "%2Ea"]
    assert len({safe_name(run) for run in runs}) == len(runs)


def test_answers_can_be_read_while_they_are_kept(record: RunRecord) -> None:
    this_try = record.try_of("transform", 1)
    assert list(this_try.answers()) == []
    with this_try.recording() as recorder:
        recorder.keep(GRAPH)
        assert list(this_try.answers()) == [GRAPH]
        recorder.file.write('{"half a li')
        recorder.file.flush()
        assert list(this_try.answers()) == [GRAPH]


def test_a_try_that_starts_again_forgets_the_start_before(record: RunRecord) -> None:
    this_try = record.try_of("transform", 1)
    for node in ("delays", "scores"):
        with this_try.recording() as recorder:
            recorder.keep(NodeStarted(1.0, node))
    assert list(this_try.answers()) == [NodeStarted(1.0, "scores")]


def test_the_picture_is_drawn_and_escaped(record: RunRecord) -> None:
    with record.try_of("transform", 1).recording() as recorder:
        recorder.keep(GRAPH)
    picture = record.picture.read_text()
    assert "delays" in picture
    assert "<script>" not in picture


def test_a_workspace_is_empty_at_first_and_gone_afterwards(record: RunRecord) -> None:
    this_try = record.try_of("transform", 2)
    with this_try.workspace() as workspace:
        (workspace.spool / "stray").write_text("stray")
        with this_try.workspace() as again:
            assert list(again.spool.iterdir()) == []
            assert again.scratch.is_dir()
    assert not workspace.spool.parent.exists()


def test_tries_are_listed_in_order(record: RunRecord) -> None:
    for number in (1, 2):
        with record.try_of("transform", number).recording() as recorder:
            recorder.keep(GRAPH)
    assert [each.number for each in record.tries()] == [1, 2]


def test_progress_counts_functions_and_their_time() -> None:
    assert summarize([]).total == 0
    progress = summarize([GRAPH, NodeStarted(1.0, "delays"), NodeFinished(2.0, "delays", 1.5)])
    assert (progress.done, progress.total, progress.seconds) == (1, 2, 1.5)
    assert progress.slowest == (("delays", 1.5),)
