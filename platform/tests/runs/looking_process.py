"""A process that does one thing with the records of runs, and prints what it looked at, as JSON.

python looking_process.py ROOT OPERATION

Each item is what was done and the path; each name in a directory that was listed is an item too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from isthmus_contracts import Identity
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.history import newest_runs, node_history
from isthmus_platform.runs.removal import remove_old_runs

DATAFLOW = Identity("parcel_delays", 1)
_EVENTS = ("open", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree")
_LISTS = ("os.listdir", "os.scandir")

Looked = list[tuple[str, str]]


def record_looks(looked: Looked) -> None:
    """Record from now on what is opened, listed, removed and asked for its size or time."""
    is_listing = False

    def on_event(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal is_listing
        if is_listing or not (event in _EVENTS or event in _LISTS):
            return
        path = arguments[0]
        looked.append((event, str(path)))
        if event in _LISTS:
            is_listing = True
            names = os.listdir(path if isinstance(path, int) else str(path))  # noqa: PTH208
            looked.extend(("name", name) for name in names)
            is_listing = False

    for name in ("stat", "lstat"):
        setattr(os, name, _recorded(getattr(os, name), looked))
    sys.addaudithook(on_event)


def _recorded(original: Callable[..., os.stat_result], looked: Looked) -> object:
    def status(path: object, **named: object) -> os.stat_result:
        looked.append(("stat", str(path)))
        return original(path, **named)

    return status


def main(root: Path, operation: str) -> None:
    """Do the operation, and print what it looked at and what it found."""
    looked: Looked = []
    operations: dict[str, Callable[[], object]] = {
        "open": lambda: [
            len(list(attempt.answers()))
            for attempt in RunRecord(root, DATAFLOW, "run-77").attempts()
        ],
        "list": lambda: [run.record.run for run in newest_runs(root, DATAFLOW, 50)],
        "history": lambda: len(list(node_history(root, DATAFLOW, "node_7", runs=30))),
        "remove": lambda: remove_old_runs(root, DATAFLOW, datetime.now(UTC), lambda _: False),
    }
    record_looks(looked)
    found = operations[operation]()
    sys.stdout.write(json.dumps({"found": found, "looked": looked}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
