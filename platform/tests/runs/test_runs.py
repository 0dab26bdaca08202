"""What is done with runs looks at few files, however many runs there are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Graph, GraphNode, NodeFinished, NodeStarted, encode
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.index import add_entry
from isthmus_platform.runs.record import index_of
from isthmus_platform.runs.removal import MOST_AT_ONCE

pytestmark = pytest.mark.slow

DATAFLOW = Identity("parcel_delays", 1)
RUNS, RUNS_A_DAY = 10_000, 100
NODES = 10
PROCESS = Path(__file__).with_name("looking_process.py")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the records of 10,000 runs, of 100 days."""
    root = tmp_path_factory.mktemp("runs")
    names = [f"node_{number}" for number in range(NODES)]
    answers = [Graph(0.0, tuple(GraphNode(name, "function", "table", "", ()) for name in names))]
    ends = [(NodeStarted(1.0, name), NodeFinished(2.0, name, 1.0)) for name in names]
    lines = "".join(
        f"{encode(answer)}\n" for answer in (*answers, *(e for end in ends for e in end))
    )
    begin = datetime.now(UTC) - timedelta(days=RUNS / RUNS_A_DAY + 1)
    for number in range(RUNS):
        record = RunRecord(root, DATAFLOW, f"run-{number}")
        started_at = begin + timedelta(days=number / RUNS_A_DAY)
        add_entry(index_of(root, DATAFLOW), record.run, started_at)
        record.directory.mkdir(parents=True)
        record.pins.write_text("{}")
        record.graph_file.write_text("<svg/>")
        record.attempt("transform", 1).events.write_text(lines)
        os.utime(record.directory, (started_at.timestamp(), started_at.timestamp()))
    return root


def look(root: Path, operation: str) -> tuple[object, Counter[str]]:
    """Return what an operation finds, and how often it looked at something in the root.

    Paths that are not absolute are names in a directory that is open.
    """
    command = [sys.executable, str(PROCESS), str(root), operation]
    output = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return output["found"], Counter(
        kind for kind, path in output["looked"] if path[:1] != "/" or path.startswith(str(root))
    )


def test_opening_a_run_looks_at_its_own_files_only(root: Path) -> None:
    found, looked = look(root, "open")
    assert found == [1 + 2 * NODES]
    assert looked == {"os.scandir": 1, "name": 3, "stat": 3, "open": 1}


def test_listing_the_last_runs_looks_at_their_entries_and_two_days(root: Path) -> None:
    found, looked = look(root, "list")
    assert found == [f"run-{number}" for number in range(RUNS - 1, RUNS - 51, -1)]
    days = RUNS / RUNS_A_DAY + 1
    assert looked["open"] == looked["stat"] == 50
    assert looked["os.listdir"] <= 3
    assert looked["name"] <= days + 2 * RUNS_A_DAY
    assert looked.total() <= 50 + 50 + 3 + days + 2 * RUNS_A_DAY


def test_the_history_of_a_node_looks_at_the_files_of_its_runs(root: Path) -> None:
    found, looked = look(root, "history")
    assert found == 30
    assert looked["open"] == 2 * 30  # the entry, and the events
    assert looked["os.scandir"] == 30
    assert looked.total() <= 600, looked


def test_removing_looks_at_what_it_removes_and_at_its_days(root: Path) -> None:
    found, looked = look(root, "remove")  # the oldest: no other test looks at them
    assert found == MOST_AT_ONCE
    assert looked["open"] <= 2 * MOST_AT_ONCE  # the entry, and the directory of the record
    assert looked["os.listdir"] <= 3
    assert looked["os.remove"] == 4 * MOST_AT_ONCE
    days = RUNS / RUNS_A_DAY + 1
    assert looked["name"] <= days + 2 * RUNS_A_DAY + 3 * MOST_AT_ONCE
    assert looked.total() <= 28 * MOST_AT_ONCE, looked
