"""Where in the platform's code a task can be struck, and how often a run passes there.

A place is `module:name` as the caller sees it; the numbers say up to which call, for airport_days,
for flight_delays, and for a month of carrier_days. A place that a run does not pass so often leaves
the case undisturbed, and the table says how many were.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

from .orders import Trap
from .spans import PARTITIONED

Calls = tuple[int, int, int]

INGEST: Mapping[str, Calls] = {
    "sources:_batch": (0, 8, 0),
    "lake.tables:write_table": (0, 5, 0),
    "lake.tables:Checker.finish": (0, 5, 0),
    "storage.disk:os.fsync": (0, 25, 0),
    "lake.tables:commit": (0, 5, 0),
    "lake.tables:create_table_with_add_actions": (0, 0, 0),
    "lake.tables:_write": (0, 5, 0),
    "lake.releases:pin": (1, 0, 1),
    "operators.ingest:write_whole": (1, 1, 1),
    "runs.record:os.getpid": (1, 1, 1),
}
TRANSFORM: Mapping[str, Calls] = {
    "runs.record:shutil.rmtree": (2, 2, 2),
    "runs.record:Recorder.keep": (9, 40, 5),
    "runs.record:write_whole": (1, 1, 1),
    "runners.process:RunnerProcess._start": (1, 1, 1),
    "runners.process:RunnerProcess._checked": (1, 1, 1),
    "lake.acceptance:accept": (1, 1, 1),
    "lake.acceptance:survey": (1, 1, 1),
    "lake.acceptance:safe_copy": (2, 4, 1),
    "lake.takeover:_parent": (2, 4, 1),
    "lake.takeover:CopiedFile": (2, 4, 1),
    "storage.disk:os.fsync": (6, 12, 3),
    "lake.acceptance:Checker.add_file": (1, 2, 1),
}
PUBLISH: Mapping[str, Calls] = {
    "lake.publishing:publish": (1, 1, 1),
    "lake.publishing:_check_gates": (1, 1, 1),
    "lake.publishing:_Attempt._kept": (0, 0, 1),
    "lake.publishing:columns_of": (0, 0, 1),
    "lake.publishing:_check_files": (1, 1, 1),
    "lake.publishing:commit": (1, 2, 1),
    "lake.tables:_write": (1, 2, 1),
    "lake.publishing:write_once": (1, 1, 1),
    "lake.documents:serialize": (2, 2, 2),
    "storage.disk:os.fsync": (7, 10, 7),
    "storage.disk:os.link": (2, 2, 2),
    "lake.publishing:check_not_collected": (1, 1, 1),
    "lake.publishing:try_move": (1, 1, 1),
    "lake.publishing:read_document": (3, 3, 3),
}
CLEAN: Mapping[str, Calls] = {
    "lake.cleaning:write_once": (1, 1, 1),
    "lake.cleaning:_remove": (3, 3, 3),
    "lake.cleaning:try_remove": (3, 3, 3),
    "lake.cleaning:_plan": (2, 2, 2),
    "storage.disk:DiskStore.remove": (6, 6, 6),
    "storage.disk:os.link": (4, 4, 4),
}
ROLLBACK: Mapping[str, Calls] = {
    "lake.releases:try_move": (1, 1, 1),
    "lake.documents:serialize": (1, 1, 1),
    "storage.disk:os.link": (1, 1, 1),
}
OF_TASK: Mapping[str, Mapping[str, Calls]] = {
    "ingest": INGEST,
    "transform": TRANSFORM,
    "publish": PUBLISH,
    "garbage-collection": CLEAN,
    "rollback": ROLLBACK,
}

WITH_RESULT = (
    "runners.process:RunnerProcess._checked",
    "lake.acceptance:accept",
    "lake.acceptance:survey",
    "lake.acceptance:safe_copy",
    "lake.takeover:CopiedFile",
)
"""Places that a transform passes when its runner has said all that it had to say."""

SAVE: Mapping[str, tuple[int, int]] = {
    "CheckpointStore.save": (1, 1),
    "_Payload.write": (1, 70),
    "_Payload.header": (1, 1),
    "Path.replace": (1, 1),
    "Path.unlink": (1, 1),
    "CheckpointStore.prune": (1, 1),
    "fcntl.flock": (1, 1),
}
LOAD: Mapping[str, tuple[int, int]] = {
    "CheckpointStore.has": (4, 30),
    "CheckpointStore.load": (1, 1),
    "_value": (1, 1),
    "os.utime": (1, 1),
}
"""Places in the runner's store of checkpoints, for the dataflows of which something is kept."""

KEEPING = ("airport_days", "flight_delays")
"""They keep a picture, which takes long, and a declared checkpoint and more."""

OF_STORE = ("checkpoint_written", "checkpoint_reused")
STAGING = "staging"
EVENTS = ("graph", "node_started", "node_finished", STAGING, "output_staged", "result")
"""What a runner says, as its events are kept; while it stages, a file grows in its staging."""


def draw_trap(
    chance: random.Random, dataflow: str, task: str, deed: Literal["kill", "pause"] = "kill"
) -> Trap:
    """Return a trap at a random place of a task, at a call that the dataflow passes."""
    index = ("airport_days", "flight_delays", PARTITIONED).index(dataflow)
    places = {name: calls[index] for name, calls in OF_TASK[task].items() if calls[index]}
    name = chance.choice(sorted(places))
    moment: Literal["before", "after"] = chance.choice(("before", "after"))
    return Trap(f"isthmus_platform.{name}", chance.randint(1, places[name]), moment, deed)


def draw_store_trap(chance: random.Random, dataflow: str, *, reads: bool) -> Trap:
    """Return a trap at a random place where a runner saves a checkpoint, or reads one."""
    places = LOAD if reads else SAVE
    name = chance.choice(sorted(places))
    most = places[name][KEEPING.index(dataflow)]
    moment: Literal["before", "after"] = chance.choice(("before", "after"))
    if name == "_Payload.write" and chance.random() < 0.5:
        return Trap(f"store:{name}", chance.randint(1, most), "before", "tear")
    return Trap(f"store:{name}", chance.randint(1, most), moment)
