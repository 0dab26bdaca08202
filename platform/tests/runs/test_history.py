from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import (
    CheckpointReused,
    Graph,
    GraphNode,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    RunFailure,
)
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.history import newest_runs, node_history
from isthmus_platform.runs.index import add_entry
from isthmus_platform.runs.record import index_of

WritePast = Callable[..., RunRecord]

DATAFLOW = Identity("parcel_delays", 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_newest_runs_come_first(write_past: WritePast, tmp_path: Path) -> None:
    for days in range(7):
        write_past(f"run-{days}", NOON + timedelta(days=days))
    found = newest_runs(tmp_path, DATAFLOW, 3)
    assert [run.record.run for run in found] == ["run-6", "run-5", "run-4"]
    assert found[0].started_at == NOON + timedelta(days=6)
    assert len(newest_runs(tmp_path, DATAFLOW, 50)) == 7


def test_a_dataflow_that_never_ran_has_no_runs(write_past: WritePast, tmp_path: Path) -> None:
    write_past("run", NOON)
    assert newest_runs(tmp_path, Identity("parcel_delays", 2), 50) == []
    assert list(node_history(tmp_path, Identity("parcel_delays", 2), "delays")) == []


def test_a_run_is_listed_as_soon_as_it_has_a_record(tmp_path: Path) -> None:
    record = RunRecord(tmp_path, DATAFLOW, "manual__1")
    before = datetime.now(UTC)
    record.create()
    record.create()
    with record.attempt("transform", 1).recording():
        pass
    (found,) = newest_runs(tmp_path, DATAFLOW, 50)
    assert found.record == record
    assert before <= found.started_at <= datetime.now(UTC)


def test_a_run_with_two_entries_is_listed_once(write_past: WritePast, tmp_path: Path) -> None:
    write_past("run", NOON)
    add_entry(index_of(tmp_path, DATAFLOW), "run", NOON + timedelta(seconds=1))
    (found,) = newest_runs(tmp_path, DATAFLOW, 50)
    assert found.started_at == NOON + timedelta(seconds=1)


def test_an_entry_without_a_record_is_not_listed(write_past: WritePast, tmp_path: Path) -> None:
    kept = write_past("kept", NOON)
    shutil.rmtree(write_past("gone", NOON + timedelta(days=1)).directory)
    assert [run.record for run in newest_runs(tmp_path, DATAFLOW, 1)] == [kept]


def test_the_history_of_a_node_has_every_way_in_which_it_ended(
    write_past: WritePast, tmp_path: Path
) -> None:
    ends = (
        NodeFinished(2.0, "delays", 1.5, 10, 3, 240),
        NodeFailed(2.0, "delays", 0.5, "ValueError"),
        CheckpointReused(2.0, "delays", 0.1),
    )
    graph = Graph(0.0, (GraphNode("delays", "function", "table", "", ()),))
    for days, end in enumerate(ends):
        others = (NodeStarted(1.0, "delays"), NodeFinished(1.0, "delays2", 9.0))
        failure = RunFailure("dataflow", "no", "delays")
        write_past(f"run-{days}", NOON + timedelta(days=days), graph, *others, end, failure)
    found = list(node_history(tmp_path, DATAFLOW, "delays"))
    assert [execution.end for execution in found] == list(ends)[::-1]
    assert [execution.attempt.run.run for execution in found] == ["run-2", "run-1", "run-0"]


def test_the_history_covers_so_many_runs_with_all_attempts(
    write_past: WritePast, tmp_path: Path
) -> None:
    for days in range(4):
        record = write_past(f"run-{days}", NOON + timedelta(days=days))
        for task in ("transform[0]", "transform[1]"):
            with record.attempt(task, 2).recording() as recorder:
                recorder.record(NodeFinished(1.0, "delays", float(days)))
    found = list(node_history(tmp_path, DATAFLOW, "delays", runs=2))
    assert [execution.end.seconds for execution in found] == [3.0, 3.0, 2.0, 2.0]
    assert {execution.attempt.task for execution in found} == {"transform[0]", "transform[1]"}
    assert {execution.attempt.number for execution in found} == {2}


@pytest.mark.parametrize("node", ['quote"d', "back\\slash", "é", "", 'x","node":"delays', "a\nb"])
def test_a_node_with_any_name_has_a_history(
    write_past: WritePast, tmp_path: Path, node: str
) -> None:
    end = NodeFinished(1.0, node, 1.0)
    write_past("run", NOON, NodeFinished(1.0, f"{node}2", 2.0), end)
    assert [execution.end for execution in node_history(tmp_path, DATAFLOW, node)] == [end]
    assert list(node_history(tmp_path, DATAFLOW, "delays")) == []


def test_a_line_that_is_still_being_written_has_no_history(
    write_past: WritePast, tmp_path: Path
) -> None:
    end = NodeFinished(1.0, "delays", 1.0)
    events = write_past("run", NOON, end).attempt("transform", 1).events
    with events.open("a") as file:
        file.write('{"protocol":1,"type":"node_failed","at":1.0,"node":"delays","sec')
    assert [execution.end for execution in node_history(tmp_path, DATAFLOW, "delays")] == [end]
