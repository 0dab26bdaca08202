"""Invariants after every case: what was published is whole, and nothing is left behind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa

from isthmus_contracts import DataflowContract, File, Metrics, Table
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of, read_version
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.pointer import read_moves
from isthmus_platform.runners.unix_user import SUPERVISOR
from isthmus_platform.storage import DiskStore


@dataclass(frozen=True)
class Content:
    """Hold what readers get of a release: rows in the order of the key, digests of files."""

    tables: Mapping[str, pa.Table]
    files: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Published:
    """Hold all that a dataflow has published: contents and runs by release, and each move."""

    contents: Mapping[str, Content]
    runs: Mapping[str, str]
    moves: tuple[str, ...]

    @property
    def current(self) -> str | None:
        """Return the release that readers get."""
        return self.moves[-1] if self.moves else None

    def of_run(self, run: str) -> list[str]:
        """Return the releases that a run has published, newest first."""
        return [release for release, publisher in self.runs.items() if publisher == run]


def lake_of(state: Path) -> Lake:
    """Return the lake of an installation."""
    return Lake(DiskStore(state / "lake"))


def published(lake: Lake, dataflow: DataflowContract) -> Published:
    """Return what a dataflow has published; fail if any of it is not whole."""
    identity = dataflow.identity
    known = [release for release, _ in releases.releases(lake, identity)]
    moves = tuple(move.release for move in read_moves(lake.pointer(identity)))
    assert {release.id for release in known} == set(moves)
    return Published(
        {release.id: content(lake, dataflow, release) for release in known},
        {release.id: release.run for release in known},
        moves,
    )


def content(lake: Lake, dataflow: DataflowContract, release: releases.Release) -> Content:
    """Return what readers get of a release; fail if it is not what the release says."""
    outputs = dataflow.outputs
    assert list(release.tables) == [output.name for output in outputs if isinstance(output, Table)]
    assert list(release.files) == [output.name for output in outputs if isinstance(output, File)]
    assert list(release.metrics) == [
        output.name for output in outputs if isinstance(output, Metrics)
    ]
    assert list(release.inputs) == [declared.name for declared in dataflow.inputs]
    for pin in release.inputs.values():
        assert all(file.find() for file in files_of(lake.path(pin.table), pin.version))
    tables = {}
    for contract in outputs:
        if isinstance(contract, Table):
            found = release.tables[contract.name]
            rows = read_version(lake.path(found.path), found.version).to_pyarrow_table()
            assert rows.num_rows == found.rows
            tables[contract.name] = rows.sort_by([(column, "ascending") for column in contract.key])
    for file in release.files.values():
        data = lake.path(file.path).local().read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    digests = {name: file.sha256 for name, file in release.files.items()}
    return Content(tables, digests, release.metrics)


def processes_of(state: Path) -> list[psutil.Process]:
    """Return supervisors, runners, and the processes that they have started.

    Other sessions run beside this one: supervisors that their processes started are not counted.
    """
    home = str(state / "runner")
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("HOME") == home or (
                str(SUPERVISOR) in process.cmdline() and not _is_of_another_session(process, state)
            ):
                found.append(process)
    return found


def _is_of_another_session(supervisor: psutil.Process, state: Path) -> bool:
    """Say whether a supervisor's starter lives, and is not a task of the Airflow with this state.

    A supervisor has no environment that would say whose it is. When its starter is gone, its
    parent is the process that adopts orphans, which is not Python.
    """
    starter = supervisor.parent()
    return (
        starter is not None
        and "python" in Path(starter.exe()).name
        and starter.environ().get("ISTHMUS_STATE") != str(state)
    )


def left_behind(state: Path) -> list[str]:
    """Return the processes that still run, and the workspaces of attempts."""
    return [
        *map(str, processes_of(state)),
        *map(str, (state / "runs" / "work").glob("*/*/*")),
    ]
