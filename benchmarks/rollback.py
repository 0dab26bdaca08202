"""How long a rollback takes where a dataflow has published many times."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
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
from isthmus_platform.lake.releases.models import Release, ReleasedFile, ReleasedTable, document_of
from isthmus_platform.lake.releases.pointer import Move, append_move, read_moves
from isthmus_platform.lake.releases.rollback import roll_back

_COMMAND = Path(sys.executable).with_name("isthmus-platform")


def after_releases(
    site: Site, effort: Effort, releases: int, *, under: float | None = None
) -> Iterator[Line]:
    """Measure a rollback by the library and by the command, after so many releases."""
    ids = _publish(site.lake, effort.of(releases))
    turns = count()
    # A person's shell has none of what this process was started with.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def wanted() -> str:
        return ids[next(turns) % (len(ids) - 1)]

    def library() -> float:
        release = wanted()
        return seconds(
            lambda: roll_back(site.lake, AIRPORT_DAYS.identity, release, by="benchmarks")
        )

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

    found = medians(effort, {"library": library, "command": command})
    yield Line(
        f"rolling back after {releases:,} releases: by the library, and by the whole command "
        "`isthmus-platform rollback`",
        (
            Figure("library", found["library"], "s", under=under),
            Figure("command", found["command"], "s", under=under),
        ),
    )


def _publish(lake: Lake, number: int) -> tuple[str, ...]:
    """Write the documents of so many publications; a rollback looks at nothing else."""
    ids = tuple(f"{index:012x}" for index in range(number))
    moves: tuple[Move, ...] = ()
    for release in ids:
        write_once(document_of(lake, AIRPORT_DAYS.identity, release), _release(lake, release))
        pointer = lake.pointer(AIRPORT_DAYS.identity)
        append_move(pointer, moves, release, "publish", f"run-{release}")
        moves = (*moves, Move(release, None, "", "publish", ""))
    assert len(read_moves(lake.pointer(AIRPORT_DAYS.identity))) == number
    return ids


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
        tables={"days": ReleasedTable(lake.table(identity, "days").key, 1, 1000)},
        files={"delay_calendar": ReleasedFile(picture.key, 1000, "1" * 64)},
        metrics={},
    )
