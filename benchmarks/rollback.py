"""How long reading the current release and a rollback take where the pointer moved often."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from clock import Effort, medians, seconds
from lines import Figure, Line
from sites import Site

from isthmus_contracts.catalog import AIRPORT_DAYS
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedFile,
    ReleasedTable,
    document_of,
)
from isthmus_platform.lake.releases.pointer import Move, last_move
from isthmus_platform.lake.releases.queries import current
from isthmus_platform.lake.releases.rollback import roll_back

_COMMAND = Path(sys.executable).with_name("isthmus-platform")
_TARGETS = 50
_WRITERS = 16


def after_moves(
    site: Site, effort: Effort, moves: int, *, under: float | None = None
) -> Iterator[Line]:
    """Measure reading the current release, and a rollback, after so many moves of the pointer."""
    ids = _publish(site.lake, effort.of(moves))
    turns = count()
    identity = AIRPORT_DAYS.identity
    # A person's shell has none of what this process was started with.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def wanted() -> str:
        return ids[next(turns) % (len(ids) - 1)]

    def reading() -> float:
        return seconds(lambda: current(site.lake, identity))

    def library() -> float:
        release = wanted()
        return seconds(lambda: roll_back(site.lake, identity, release, by="benchmarks"))

    def command() -> float:
        arguments = [*site.options, "rollback", AIRPORT_DAYS.name, wanted()]
        return seconds(
            lambda: subprocess.run(
                [_COMMAND, *arguments],
                env={**environment, **site.variables},
                check=True,
                stdout=subprocess.DEVNULL,
            )
        )

    found = medians(effort, {"current": reading, "library": library, "command": command})
    yield Line(
        f"after {moves:,} moves of the pointer: reading the current release; rolling back, by the "
        "library and by the whole command `isthmus-platform rollback`",
        (
            Figure("current", found["current"], "s", under=under),
            Figure("library", found["library"], "s", under=under),
            Figure("command", found["command"], "s", under=1 if under else None),
        ),
    )


def _publish(lake: Lake, number: int) -> tuple[str, ...]:
    """Write the moves of so many publications, and return some of their releases.

    Only these have documents: nobody looks at those of the others.
    """
    ids = [f"{index:012x}-{index}" for index in range(1, number + 1)]
    pointer, now = lake.pointer(AIRPORT_DAYS.identity), datetime.now(UTC).isoformat()

    def move(index: int) -> None:
        previous = ids[index - 2] if index > 1 else None
        written = Move(index, ids[index - 1], previous, now, "publish", "run")
        write_once(pointer / f"{10**8 - index:08}.json", written)

    some = tuple(ids[:: max(1, number // _TARGETS)])
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(move, range(1, number + 1)))
    for release in {*some, ids[-1]}:
        write_once(document_of(lake, AIRPORT_DAYS.identity, release), _release(lake, release))
    newest = last_move(pointer)
    assert newest is not None
    assert newest.number == number
    return some


def _release(lake: Lake, release: str) -> Release:
    identity = AIRPORT_DAYS.identity
    picture = lake.files(identity, "delay_calendar") / f"{release}.png"
    return Release(
        id=release,
        dataflow=str(identity),
        contract_version=AIRPORT_DAYS.version,
        code_version="code",
        run=f"run-{release}",
        digest="0" * 64,
        created_at=datetime.now(UTC).isoformat(),
        params={},
        inputs={"flight_features": Pin("dataflows/flight_delays/v1/tables/flight_features", 1)},
        tables={"days": ReleasedTable(lake.table(identity, "days").key, 1, 1000, {})},
        files={"delay_calendar": ReleasedFile(picture.key, 1000, "1" * 64)},
        metrics={},
    )
