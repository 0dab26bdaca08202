"""Bugs that are planted in a task's process, to show that chaos finds them: `--bug NAME`."""

# ruff: noqa: ANN401 - a bug takes and returns what the real function does

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from isthmus_contracts.catalog import CATALOG
from isthmus_platform import runners
from isthmus_platform.lake import documents, releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.intake import acceptance
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import garbage_collection, pointer, publication
from isthmus_platform.runners.process import RunnerProcess
from isthmus_platform.storage import Location

from .stores import faulty_runner


def plant(name: str | None) -> None:
    """Plant a bug by its name."""
    if name is not None:
        BUGS[name]()


def _pointer_first() -> None:
    """Move the pointer before there is anything to point to."""
    real = publication.publish

    def publish(lake: Any, dataflow: Any, accepted: Any, **more: Any) -> Any:
        place, wanted = lake.pointer(dataflow.identity), publication._publication_id(accepted)
        moves = pointer.read_moves(place)
        if wanted not in (move.release for move in moves):
            pointer.try_move(place, moves, wanted, "publish", accepted.run)
        return real(lake, dataflow, accepted, **more)

    publication.publish = publish


def _no_checksum() -> None:
    """Accept files without comparing what they are with what the result says."""
    acceptance._check_sums = lambda *_: None


def _green_without_result() -> None:
    """Call a publication successful that was refused or broke."""
    real = publication.publish

    def publish(lake: Any, dataflow: Any, *args: Any, **more: Any) -> Any:
        try:
            return real(lake, dataflow, *args, **more)
        except Exception:  # noqa: BLE001 - this is the bug
            return releases.current(lake, dataflow.identity)

    publication.publish = publish


def _leaves_process() -> None:
    """Leave a process behind with each runner."""
    real = RunnerProcess.run

    def run(self: RunnerProcess, *args: Any) -> Any:
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        return real(self, *args)

    RunnerProcess.run = run  # type: ignore[assignment, method-assign] # a bug


def _moves_back() -> None:
    """Move the pointer back when an older publication is repeated."""
    real = publication.publish

    def publish(lake: Any, dataflow: Any, *args: Any, **more: Any) -> Any:
        made = real(lake, dataflow, *args, **more)
        moves = pointer.read_moves(lake.pointer(dataflow.identity))
        if moves[-1].release != made.id:
            pointer.try_move(lake.pointer(dataflow.identity), moves, made.id, "publish", made.run)
        return made

    publication.publish = publish


def _starts_from_head() -> None:
    """Let a run for an interval follow the newest version of a table, whoever rolled it back."""
    real = publication._Attempt._kept

    def kept(self: Any, table: Any, *args: Any) -> Any:
        places = documents.documents_in(self.lake.releases(self.dataflow.identity))
        known = [documents.read_document(releases.Release, each) for each in places]
        head = max(known, key=lambda each: each.tables[table.name].version)
        return real(replace(self, base=head), table, *args)

    publication._Attempt._kept = kept  # type: ignore[assignment, method-assign] # a bug


def _keeps_empty_months() -> None:
    """Keep the partitions of a run's interval that it has no rows of."""

    def kept(self: Any, table: Any, _: object) -> Any:
        before = self.base.tables[table.name].partitions
        return dict(before) if self.accepted.interval else {}

    publication._Attempt._kept = kept  # type: ignore[assignment, method-assign] # a bug


def _loses_months() -> None:
    """Move the pointer, once overtaken, to the release that follows another than what is there."""
    real = pointer.try_move

    def try_move(place: Any, moves: Any, *args: Any) -> bool:
        while not real(place, moves, *args):
            moves = pointer.read_moves(place)
        return True

    publication.try_move = try_move  # type: ignore[assignment, attr-defined] # a bug


def _loses_part() -> None:
    """Take what the first of a run's mapped tasks has accepted for all of it."""
    acceptance.join = lambda parts, interval: replace(parts[0], interval=interval)


def _cleans_too_much() -> None:
    """Clean without asking which files are needed."""
    garbage_collection._needed = lambda *_: frozenset()


def _half_documents() -> None:
    """Write a document where readers look for it, little by little."""

    def write_once(place: Location, document: object) -> None:
        path = place.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            json.dump(documents.serialize(document), file)  # type: ignore[attr-defined] # not exported

    for module in (publication, pointer):
        setattr(module, "write_once", write_once)  # noqa: B010 - neither exports it


def _ignores_pins() -> None:
    """Give the runner what is current when it starts, whatever the run has pinned."""
    real = tables.files_of

    def files_of(directory: Location, version: int) -> tuple[Location, ...]:
        if directory.name == "flight_features":
            lake = Lake(directory.store)
            release = releases.current(lake, CATALOG.dataflow("flight_delays").identity)
            version = release.tables[directory.name].version if release else version
        return real(directory, version)

    tables.files_of = files_of


def _leaves_lock() -> None:
    """Lock the lake while publishing, and forget to unlock it when something goes wrong."""
    real = publication._Attempt.prepare

    def prepare(self: Any, *args: Any) -> Any:
        lock = self.lake.path("lock").local()
        lock.touch()
        made = real(self, *args)
        lock.unlink()
        return made

    publication._Attempt.prepare = prepare  # type: ignore[assignment, method-assign] # a bug


def _in_runner(bug: str) -> Callable[[], None]:
    """Return what lets runners have a bug in their store of checkpoints."""

    def plant() -> None:
        real = runners.launch_runner

        def launch_runner(runner: Any, *args: Any) -> Any:
            return real(replace(runner, command=faulty_runner(bug, runner.command)), *args)

        runners.launch_runner = launch_runner  # type: ignore[assignment] # a bug

    return plant


BUGS: dict[str, Callable[[], None]] = {
    "pointer-first": _pointer_first,
    "no-checksum": _no_checksum,
    "green-without-result": _green_without_result,
    "leaves-process": _leaves_process,
    "moves-back": _moves_back,
    "starts-from-head": _starts_from_head,
    "keeps-empty-months": _keeps_empty_months,
    "loses-months": _loses_months,
    "loses-part": _loses_part,
    "cleans-too-much": _cleans_too_much,
    "half-documents": _half_documents,
    "ignores-pins": _ignores_pins,
    "leaves-lock": _leaves_lock,
    "no-digest": _in_runner("no-digest"),
    "no-fingerprint": _in_runner("no-fingerprint"),
    "keeps-parts": _in_runner("keeps-parts"),
}
