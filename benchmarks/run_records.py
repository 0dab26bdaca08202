"""How long it takes to find runs, read them and remove old ones, among many records of runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from clock import Effort, medians, seconds
from lines import Figure, Line

from isthmus_contracts.catalog import FLIGHT_DELAYS
from isthmus_contracts.protocol import Answer, Graph, GraphNode, NodeFinished, NodeStarted, encode
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.history import newest_runs, node_history
from isthmus_platform.runs.index import add_entry
from isthmus_platform.runs.pins import Pins, pins_document
from isthmus_platform.runs.record import index_of
from isthmus_platform.runs.removal import MOST_AT_ONCE, remove_old_runs

_DATAFLOW = FLIGHT_DELAYS.identity
_DAYS_APART = 1 / 274  # 100,000 runs in a year
_NODES = 4
_REPEATS = 10  # in each round, of what takes a few milliseconds and leaves all as it is
_HISTORY_RUNS, _HISTORY_NODES = 30, 1_000


@dataclass(frozen=True, slots=True)
class _Records:
    """Hold where the records of so many runs are."""

    root: Path
    runs: int


def among(folder: Path, effort: Effort, few: int, many: int, *, under: float) -> Iterator[Line]:
    """Measure each operation among few and among many records."""
    removed = MOST_AT_ONCE * (effort.rounds + 1)
    sizes = [_write(folder / str(runs), effort.of(runs) + removed) for runs in (few, many)]
    operations: dict[str, Callable[[_Records], object]] = {
        f"opening a run of {_NODES} nodes: its pins, and the events of its attempt": _open,
        "listing the last 50 runs of a dataflow": _list,
        f"the history of a node over {_HISTORY_RUNS} runs of {_HISTORY_NODES:,} nodes": _history,
        f"removing {MOST_AT_ONCE} old runs": _remove,  # the last: the others need these runs
    }
    for name, operation in operations.items():
        found = medians(
            effort,
            {records.root.name: partial(_seconds, operation, records) for records in sizes},
        )
        fast, slow = found[str(few)], found[str(many)]
        yield Line(
            f"{name}; among {few:,} and among {many:,} runs",
            (
                Figure(f"{few:,}", fast, "s"),
                Figure(f"{many:,}", slow, "s"),
                Figure("ratio", slow / fast, under=under),
            ),
        )


def _seconds(operation: Callable[[_Records], object], records: _Records) -> float:
    repeats = 1 if operation is _remove else _REPEATS
    return seconds(lambda: [operation(records) for _ in range(repeats)]) / repeats


def _open(records: _Records) -> None:
    record = RunRecord(records.root, _DATAFLOW, f"run-{records.runs // 2}")
    assert record.pins.read_text(encoding="utf-8")
    (attempt,) = record.attempts()
    assert len(list(attempt.answers())) > 2 * _NODES


def _list(records: _Records) -> None:
    assert len(newest_runs(records.root, _DATAFLOW, 50)) == 50


def _history(records: _Records) -> None:
    found = node_history(records.root, _DATAFLOW, "node_3", _HISTORY_RUNS)
    assert len(list(found)) == _HISTORY_RUNS


def _remove(records: _Records) -> None:
    now = datetime.now(UTC)
    assert remove_old_runs(records.root, _DATAFLOW, now, lambda _: False) == MOST_AT_ONCE


def _write(root: Path, runs: int) -> _Records:
    """Write the records of runs, the last of which was yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    small, large = _events(_NODES), _events(_HISTORY_NODES)
    pins = pins_document(Pins({"model": "logistic"}, {}))
    for number in range(runs):
        started_at = yesterday - timedelta(days=(runs - number) * _DAYS_APART)
        record = RunRecord(root, _DATAFLOW, f"run-{number}")
        add_entry(index_of(root, _DATAFLOW), record.run, started_at)
        record.directory.mkdir(parents=True)
        record.pins.write_text(pins, encoding="utf-8")
        record.graph_file.write_text("<svg/>", encoding="utf-8")
        events = large if number >= runs - _HISTORY_RUNS else small
        record.attempt("transform", 1).events.write_text(events, encoding="utf-8")
        os.utime(record.directory, (started_at.timestamp(), started_at.timestamp()))
    return _Records(root, runs)


def _events(nodes: int) -> str:
    names = [f"node_{number}" for number in range(nodes)]
    answers: list[Answer] = [
        Graph(0.0, tuple(GraphNode(name, "function", "DataFrame", name, ()) for name in names))
    ]
    for name in names:
        answers += [NodeStarted(1e9, name), NodeFinished(1e9, name, 0.0125, 1000, 20, 160_000)]
    return "".join(f"{encode(answer)}\n" for answer in answers)
