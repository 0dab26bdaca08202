"""The last runs of a dataflow, and how one node fared in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from isthmus_contracts import Identity
from isthmus_contracts.protocol import CheckpointReused, NodeFailed, NodeFinished
from isthmus_platform.runs.index import index_entries
from isthmus_platform.runs.record import AttemptRecord, RunRecord, index_of


@dataclass(frozen=True, slots=True)
class StartedRun:
    """Hold the record of a run, and when it started as an `IndexEntry` says it."""

    record: RunRecord
    started_at: datetime


@dataclass(frozen=True, slots=True)
class NodeExecution:
    """Say how a node ended in one attempt of a task."""

    attempt: AttemptRecord
    end: NodeFinished | NodeFailed | CheckpointReused


def newest_runs(root: Path, dataflow: Identity, most: int) -> list[StartedRun]:
    """Return the runs of a dataflow that have a record, newest first, `most` of them at most.

    Look at their entries in the index and at no other run's.
    """
    return list(islice(_newest_runs(root, dataflow), most))


def _newest_runs(root: Path, dataflow: Identity) -> Iterator[StartedRun]:
    seen = set()  # two tasks that start at the same time may both write an entry
    for entry in index_entries(index_of(root, dataflow), newest_first=True):
        record = RunRecord(root, dataflow, entry.run)
        if entry.run not in seen and record.directory.is_dir():
            seen.add(entry.run)
            yield StartedRun(record, entry.started_at)


def node_history(
    root: Path, dataflow: Identity, node: str, runs: int = 30
) -> Iterator[NodeExecution]:
    """Yield how a node ended in each attempt of the last runs: newest run first, attempts in order.

    Read the events of these runs, and decode only those of the node.
    """
    for run in newest_runs(root, dataflow, runs):
        for attempt in run.record.attempts():
            for answer in attempt.answers_about(node):
                if isinstance(answer, NodeFinished | NodeFailed | CheckpointReused):
                    yield NodeExecution(attempt, answer)
