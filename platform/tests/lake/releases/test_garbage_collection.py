from __future__ import annotations

import json
import os
import subprocess
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from isthmus_contracts import Column, DataflowContract, Identity, Partitioning, Table
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.errors import LakeError, LakeUnavailableError, PublicationError, UserError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.intake.acceptance_record import check_recorded
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin, TableFile
from isthmus_platform.lake.releases import garbage_collection, publication, rollback
from isthmus_platform.lake.releases.garbage_collection import Garbage, OldRelease, retention
from isthmus_platform.lake.releases.manifests import all_files, write_manifests
from isthmus_platform.lake.releases.models import (
    Release,
    ReleasedPartition,
    ReleasedTable,
    document_of,
)
from isthmus_platform.lake.releases.pointer import append_move, read_moves
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.lake.releases.tombstones import RemovedReleaseError
from isthmus_platform.storage import DiskStore, Location, Stored, disk

Accept = Callable[..., Accepted]
Publisher = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]
MONTH = timedelta(days=30)
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


class Crash(BaseException):
    """Stand for the power cut."""


@pytest.fixture
def published(accepted: Accept, lake: Lake, dataflow: DataflowContract) -> Callable[..., Release]:
    def make(run: str, inputs: dict[str, Pin] | None = None) -> Release:
        return publish(lake, dataflow, accepted(run), params={}, inputs=inputs or {})

    return make


def age(lake: Lake, days: float) -> None:
    """Make everything in the lake as much older."""
    by = timedelta(days=days)
    for path in [path for path in lake.store.local("").rglob("*") if path.is_file()]:
        if "releases" in path.parts or "pointers" in path.parts:
            document = json.loads(path.read_text(encoding="utf-8") or "{}")
            for name in {"at", "created_at"} & document.keys():
                document[name] = (datetime.fromisoformat(document[name]) - by).isoformat()
            path.write_text(json.dumps(document), encoding="utf-8")
        status = path.stat()
        os.utime(path, (status.st_atime, status.st_mtime - by.total_seconds()))


def check_whole(lake: Lake, release: Release) -> None:
    for table in release.tables.values():
        read = tables.read_version(lake.path(table.path), table.version).to_pyarrow_table()
        assert read.num_rows == table.rows
    for file in release.files.values():
        found = lake.path(file.path).find()
        assert found is not None
        assert found.bytes == file.bytes


@dataclass(frozen=True)
class Removed:
    """What garbage collection removed; the records of acceptance apart from other files."""

    releases: list[OldRelease]
    files: list[Stored]
    records: list[Stored] = field(default_factory=list)


NOTHING = Removed([], [])


def split(found: Iterable[Garbage]) -> Removed:
    found = list(found)
    releases = [garbage for garbage in found if isinstance(garbage, OldRelease)]
    files = [garbage for garbage in found if isinstance(garbage, Stored)]
    records = [file for file in files if "/accepted/" in file.key]
    return Removed(releases, [file for file in files if file not in records], records)


def collect_garbage(lake: Lake, keep: timedelta, dataflow: Identity | None = None) -> Removed:
    """Collect garbage, and return what was removed."""
    removed: list[Garbage] = []
    garbage_collection.collect_garbage(lake, keep, dataflow, by="eve", on_removed=removed.append)
    return split(removed)


def find_garbage(lake: Lake) -> Removed:
    return split(garbage_collection.find_garbage(lake, MONTH))


def ids(found: Removed) -> list[str]:
    return [release.id for release in found.releases]


def listed(lake: Lake, dataflow: DataflowContract) -> list[str]:
    return [release.id for release, _ in releases.releases(lake, dataflow.identity)]


def current_id(lake: Lake, dataflow: DataflowContract) -> str | None:
    found = current(lake, dataflow.identity)
    return found and found.id


def put(directory: Location, number: int) -> int:
    files = write_table(directory, NUMBERS, [pa.record_batch({"n": [number]})])
    return tables.commit(directory, NUMBERS, files, f"put {number}")


def numbers_in(directory: Location, version: int) -> list[int]:
    return tables.read_version(directory, version).to_pyarrow_table()["n"].to_pylist()


def snapshot(lake: Lake) -> list[Stored]:
    return list(lake.store.walk(""))


def logs(lake: Lake) -> list[Stored]:
    return [stored for stored in snapshot(lake) if "/_delta_log/" in stored.key]


class TestWhatRemains:
    def test_young_files_stay_and_nothing_is_written(
        self, published: Callable[..., Release], lake: Lake
    ) -> None:
        published("first"), published("second")
        before = snapshot(lake)
        assert collect_garbage(lake, MONTH) == NOTHING
        assert snapshot(lake) == before

    def test_an_old_release_goes_with_its_files_and_the_current_one_stays(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second, third = (published(run) for run in ("first", "second", "third"))
        age(lake, 60)
        log = logs(lake)
        gone = {place for release in (first, second) for place in all_files(lake, release)}
        done = collect_garbage(lake, MONTH)
        assert sorted(ids(done)) == sorted([first.id, second.id])
        assert {lake.path(file.key) for file in done.files} == gone
        assert not any(place.find() for place in gone)
        assert all(file.bytes for file in done.files)
        assert logs(lake) == log
        check_whole(lake, third)
        assert listed(lake, dataflow) == [third.id]
        assert current_id(lake, dataflow) == third.id

    def test_the_plan_is_what_is_removed(
        self, published: Callable[..., Release], lake: Lake
    ) -> None:
        published("first"), published("second")
        age(lake, 60)
        before = snapshot(lake)
        found = find_garbage(lake)
        assert snapshot(lake) == before
        assert collect_garbage(lake, MONTH) == found != NOTHING
        assert find_garbage(lake) == NOTHING

    def test_a_release_that_was_current_until_lately_stays(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second = published("first"), published("second")
        age(lake, 60)
        third = published("third")
        assert ids(collect_garbage(lake, MONTH)) == [first.id]
        assert listed(lake, dataflow) == [third.id, second.id]
        roll_back(lake, dataflow.identity, second.id, by="eve")
        check_whole(lake, second)

    def test_a_release_that_was_made_current_again_stays_however_old(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second = published("first"), published("second")
        roll_back(lake, dataflow.identity, first.id, by="eve")
        age(lake, 60)
        assert ids(collect_garbage(lake, MONTH)) == [second.id]
        check_whole(lake, first)
        check_whole(lake, published("third"))

    def test_what_a_kept_release_read_stays(
        self, published: Callable[..., Release], lake: Lake
    ) -> None:
        source = lake.source("nyc", "numbers")
        versions = [put(source, number) for number in (7, 8, 9)]
        published("first", {"numbers": Pin(source.key, versions[0])})
        published("second", {"numbers": Pin(source.key, versions[1])})
        age(lake, 60)
        young = put(source, 10)
        collect_garbage(lake, MONTH)
        assert numbers_in(source, versions[1]) == [8]
        assert numbers_in(source, young) == [10]
        assert sum(name.endswith(".parquet") for name in source.names()) == 2

    def test_what_another_dataflow_read_stays_even_if_its_own_release_goes(
        self, publish: Callable[[Lake, str], Release], lake: Lake
    ) -> None:
        made = publish(lake, "run-1")
        (pin,) = made.inputs.values()
        put(lake.table(PARCEL_DELAYS.identity, "other"), 1)
        age(lake, 60)
        done = collect_garbage(lake, MONTH, PARCEL_DELAYS.identity)
        assert [file.key.split("/")[-2] for file in done.files] == ["other"]
        read = tables.read_version(lake.path(pin.table), pin.version).to_pyarrow_table()
        assert read["parcel"].to_pylist() == [1, 2]

    def test_accepted_files_stay_while_they_are_young(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
    ) -> None:
        published("first")
        abandoned = accepted("abandoned")
        age(lake, 60)
        waiting = accepted("waiting")
        done = collect_garbage(lake, MONTH)
        files = [lake.path(file.path) for output in abandoned.outputs for file in output.files]
        assert {lake.path(file.key) for file in done.files} == set(files)
        check_whole(lake, publication.publish(lake, dataflow, waiting, params={}, inputs={}))

    def test_records_of_acceptance_stay_while_they_are_young(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
    ) -> None:
        published("first")
        old = accepted("old")
        age(lake, 60)
        young = accepted("young")
        assert len(collect_garbage(lake, MONTH).records) == 2
        check_recorded(lake, dataflow.identity, young.run, young)
        with pytest.raises(PublicationError, match="is too old; clear the task transform"):
            check_recorded(lake, dataflow.identity, old.run, old)

    def test_drafts_of_killed_writers_go_after_a_day(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        published("first")
        pointer = lake.pointer(dataflow.identity).local()
        old, strange = pointer / f".00000002.json.{'a' * 32}", pointer / ".nfs1"
        old.touch(), strange.touch()
        age(lake, 2)
        young = lake.releases(dataflow.identity).local() / f".x.json.{'b' * 32}"
        young.touch()
        done = collect_garbage(lake, MONTH)
        assert [lake.path(file.key).local() for file in done.files] == [old]
        assert (old.exists(), strange.exists(), young.exists()) == (False, True, True)

    def test_of_one_dataflow_nothing_else_is_touched(
        self,
        publish: Callable[[Lake, str], Release],
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
    ) -> None:
        others = [publish(lake, "run-1"), publish(lake, "run-2")]
        published("first"), published("second")
        put(lake.source("nyc", "numbers"), 1)
        age(lake, 60)
        done = collect_garbage(lake, MONTH, dataflow.identity)
        assert {str(release.dataflow) for release in done.releases} == {"delays.v2"}
        assert listed(lake, STATION_DAYS) == [other.id for other in reversed(others)]
        for other in others:
            check_whole(lake, other)
        assert numbers_in(lake.source("nyc", "numbers"), 0) == [1]

    def test_an_empty_lake_has_nothing_to_remove(self, lake: Lake) -> None:
        assert collect_garbage(lake, timedelta(0)) == NOTHING
        assert not lake.store.local("").exists()


class TestWhatIsRefused:
    def test_a_removed_release_can_be_neither_read_nor_made_current_nor_published_again(
        self, accepted: Accept, lake: Lake, dataflow: DataflowContract
    ) -> None:
        ready = accepted("first")
        first = publish(lake, dataflow, ready, params={}, inputs={})
        second = publish(lake, dataflow, accepted("second"), params={}, inputs={})
        age(lake, 60)
        collect_garbage(lake, MONTH)
        today = datetime.now(UTC).date()
        message = f"release {first.id} of delays.v2 was removed by eve on {today}, with its files"
        with pytest.raises(RemovedReleaseError, match=message):
            releases.release(lake, dataflow.identity, first.id)
        with pytest.raises(RemovedReleaseError, match=message):
            roll_back(lake, dataflow.identity, first.id, by="eve")
        with pytest.raises(RemovedReleaseError, match=message):
            publish(lake, dataflow, ready, params={}, inputs={})
        assert current_id(lake, dataflow) == second.id

    @pytest.mark.parametrize(
        ("days", "force"), [(0.5, False), (0, False), (-1, False), (-1, True), (float("nan"), True)]
    )
    def test_a_retention_that_removes_files_of_runs_in_progress(
        self, days: float, force: bool
    ) -> None:
        with pytest.raises(
            UserError, match=r"keep-days is .*; allowed: 1 or more, or with --force"
        ):
            retention(days, force=force)

    def test_a_short_retention_can_be_forced(self) -> None:
        assert retention(1) == timedelta(days=1)
        assert retention(0.25, force=True) == timedelta(hours=6)

    @pytest.mark.parametrize("what", ["release", "manifest", "tombstone"])
    def test_a_document_that_cannot_be_read_stops_it_before_anything_is_removed(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        what: str,
    ) -> None:
        first, second = published("first"), published("second")
        published("third")
        rest = list(all_files(lake, first))
        age(lake, 60)
        published("fourth")
        days = second.tables["days"]
        place = {
            "release": document_of(lake, dataflow.identity, current_id(lake, dataflow) or ""),
            "manifest": lake.manifests(days.path) / f"{days.manifests['']}.json",
            "tombstone": lake.tombstones() / "strange.json",
        }[what]
        roll_back(lake, dataflow.identity, second.id, by="eve")
        place.remove()
        lake.store.create(place.key, b"{}")
        with pytest.raises(LakeError, match=place.name):
            collect_garbage(lake, MONTH)
        assert what == "tombstone" or all(file.find() for file in rest)


class TestCrash:
    @pytest.mark.parametrize("call", range(7))
    def test_an_interruption_leaves_remaining_releases_whole_and_a_retry_finishes(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
        call: int,
    ) -> None:
        published("first"), published("second")
        age(lake, 60)
        third = published("third")
        published_second, _ = releases.releases(lake, dataflow.identity)[1]
        rest = [lake.path(file.key) for file in find_garbage(lake).files]
        with monkeypatch.context() as patch:
            _crash_at(patch, call)
            with pytest.raises(Crash):
                collect_garbage(lake, MONTH)
        for release in (published_second, third):
            check_whole(lake, release)
        collect_garbage(lake, MONTH)
        assert not any(place.find() for place in rest)
        assert listed(lake, dataflow) == [third.id, published_second.id]
        assert find_garbage(lake) == NOTHING


def fill(lake: Lake, dataflow: DataflowContract, days: int) -> tuple[set[str], set[str]]:
    """Publish ten empty files a day, beside as many others; return the names, and others' keys."""
    folder = lake.table(dataflow.identity, "days")
    folder.local().mkdir(parents=True, exist_ok=True)
    first = date(2013, 1, 1)
    partitions = {
        str(first + timedelta(days=day)): ReleasedPartition(
            "run", tuple(TableFile(f"{day:030}{n:02}.parquet", 0, 0) for n in range(10))
        )
        for day in range(days)
    }
    manifests = write_manifests(lake, folder.key, partitions)
    by = Partitioning("date", "day")
    table = ReleasedTable(folder.key, 0, 0, {}, manifests, by)
    facts = (str(dataflow.identity), "2.1.0", "code", "run", "0")
    release = Release("a-1", *facts, "2013-01-01T00:00:00+00:00", {}, {}, {"days": table}, {}, {})
    write_once(document_of(lake, dataflow.identity, "a-1"), release)
    assert append_move(lake.pointer(dataflow.identity), None, "a-1", "publish", "run")
    needed = {file.name for part in partitions.values() for file in part.files}
    for path in (folder.local() / f"{x}{name}" for name in needed for x in ("", "x")):
        path.touch()
        os.utime(path, (0, 0))
    return needed, {(folder / f"x{name}").key for name in needed}


def test_an_interrupted_collection_of_many_files_goes_on(
    lake: Lake, dataflow: DataflowContract
) -> None:
    needed, garbage = fill(lake, dataflow, 250)
    removed: list[str] = []

    def interrupt(found: Garbage) -> None:
        assert isinstance(found, Stored)
        removed.append(found.key)
        if len(removed) == 1500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        garbage_collection.collect_garbage(lake, MONTH, by="eve", on_removed=interrupt)
    folder = lake.table(dataflow.identity, "days")
    left = {*folder.names()} - {"_manifests"}
    assert len(left - needed) == 500  # the batch of a thousand is removed before it is told
    assert needed <= left
    found = [file.key for file in collect_garbage(lake, MONTH).files]
    assert len(found) == 500
    assert {*removed} | {*found} < garbage
    assert {*folder.names()} == needed | {"_manifests"}
    assert find_garbage(lake) == NOTHING


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(
    dataflow: DataflowContract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage_collection, "_AT_ONCE", 100)

    def peak(days: int) -> int:
        other = Lake(DiskStore(tmp_path / f"{days}"))
        _, garbage = fill(other, dataflow, days)
        count = 0

        def removed(_: Garbage) -> None:
            nonlocal count
            count += 1

        tracemalloc.start()
        garbage_collection.collect_garbage(other, MONTH, by="eve", on_removed=removed)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == len(garbage) == 10 * days
        return most

    peak(1)  # what is imported and cached once
    assert peak(500) < 1.5 * peak(100)


def _crash_at(patch: pytest.MonkeyPatch, call: int) -> None:
    """Crash before the write, the move, or a deletion that is the `call`th of them."""
    calls = 0

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call + 1:
                raise Crash
            return function(*args, **kwargs)

        return wrapped

    patch.setattr(disk.os, "link", counted(os.link))
    patch.setattr(disk.os, "unlink", counted(os.unlink))


class TestAtTheSameTime:
    def test_a_rollback_that_conflicts_with_garbage_collection_is_refused(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first, second = published("first"), published("second")
        age(lake, 60)
        before_the_call(monkeypatch, rollback, "append_move", lambda: collect_garbage(lake, MONTH))
        with pytest.raises(RemovedReleaseError):
            roll_back(lake, dataflow.identity, first.id, by="bob")
        assert current_id(lake, dataflow) == second.id

    def test_garbage_collection_that_conflicts_with_a_rollback_keeps_that_release(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first, second = published("first"), published("second")
        age(lake, 60)
        before_the_call(
            monkeypatch,
            garbage_collection,
            "append_removal",
            lambda: roll_back(lake, dataflow.identity, first.id, by="bob"),
        )
        assert not collect_garbage(lake, MONTH).files
        assert current_id(lake, dataflow) == first.id
        for release in (first, second):
            check_whole(lake, release)

    @pytest.mark.parametrize("step", ["commit", "write_once", "check_not_collected"])
    def test_a_publication_of_old_files_that_conflicts_with_garbage_collection_is_refused(
        self,
        accepted: Accept,
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
    ) -> None:
        first = publish(lake, dataflow, accepted("first"), params={}, inputs={})
        late = accepted("late")
        accepted("so that there is something to remove")
        age(lake, 60)
        before_the_call(monkeypatch, publication, step, lambda: collect_garbage(lake, MONTH))
        with pytest.raises(
            (PublicationError, LakeUnavailableError), match=r"removed by garbage collection|No such"
        ):
            publish(lake, dataflow, late, params={}, inputs={})
        assert current_id(lake, dataflow) == first.id
        check_whole(lake, first)

    def test_garbage_collection_keeps_what_is_about_to_be_published(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        source = lake.source("nyc", "numbers")
        pins = {"numbers": Pin(source.key, put(source, 7))}
        published("first")
        late = accepted("late")
        accepted("abandoned")
        age(lake, 60)
        before_the_call(monkeypatch, rollback, "append_move", lambda: collect_garbage(lake, MONTH))
        made = publish(lake, dataflow, late, params={}, inputs=pins)
        check_whole(lake, made)
        assert numbers_in(source, 0) == [7]
        assert len(listed(lake, dataflow)) == 2

    def test_a_publication_whose_source_was_collected_is_refused(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
    ) -> None:
        source = lake.source("nyc", "numbers")
        pins = {"numbers": Pin(source.key, put(source, 7))}
        published("first")
        age(lake, 60)
        collect_garbage(lake, MONTH)
        with pytest.raises(PublicationError, match="its input 'numbers' is too old"):
            publish(lake, dataflow, accepted("late"), params={}, inputs=pins)
        fresh = {"numbers": Pin(source.key, put(source, 8))}
        again = publish(lake, dataflow, accepted("again"), params={}, inputs=fresh)
        collect_garbage(lake, MONTH)
        check_whole(lake, again)

    def test_a_document_that_was_never_published_goes_too_and_stays_unpublished(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first = published("first")
        ready = accepted("crashed")
        crash_before_the_move(monkeypatch, lake, dataflow, ready)
        assert not collect_garbage(lake, MONTH).files
        age(lake, 60)
        done = collect_garbage(lake, MONTH)
        assert [name.rpartition("-")[2] for name in ids(done)] == ["2"]
        assert len(done.files) == 5  # three outputs, and the manifests of two
        with pytest.raises(PublicationError, match="is gone"):
            publish(lake, dataflow, ready, params={}, inputs={})
        assert listed(lake, dataflow) == [first.id]

    def test_a_document_whose_number_was_taken_protects_nothing(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        published("first")
        ready = accepted("crashed")
        crash_before_the_move(monkeypatch, lake, dataflow, ready)
        published("second")
        age(lake, 60)
        third = published("third")
        removed = {file.key for file in collect_garbage(lake, timedelta(days=1)).files}
        assert {file.path for output in ready.outputs for file in output.files} <= removed
        with pytest.raises(PublicationError, match="is gone"):
            publish(lake, dataflow, ready, params={}, inputs={})
        check_whole(lake, third)

    def test_a_document_whose_number_is_taken_meanwhile_protects_nothing(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ready = accepted("crashed")
        crash_before_the_move(monkeypatch, lake, dataflow, ready)
        accepted("so that there is something to remove")
        age(lake, 60)
        before_the_call(monkeypatch, garbage_collection, "write_once", lambda: published("first"))
        removed = {file.key for file in collect_garbage(lake, MONTH).files}
        assert {file.path for output in ready.outputs for file in output.files} <= removed

    def test_processes_that_publish_meanwhile_lose_nothing(
        self,
        accepted: Accept,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        publisher: Publisher,
    ) -> None:
        for number in range(6):
            published(f"old-{number}")
        age(lake, 60)
        with publisher([accepted(f"new-{number}") for number in range(8)]) as process:
            while process.poll() is None:
                collect_garbage(lake, MONTH)
            assert process.returncode == 0
        collect_garbage(lake, MONTH)
        found = releases.releases(lake, dataflow.identity)
        runs = [release.run for release, _ in found]
        assert runs == [*(f"new-{n}" for n in reversed(range(8))), *runs[8:]]
        assert len(runs) <= 9
        for release, _ in found:
            check_whole(lake, release)
        moves = read_moves(lake.pointer(dataflow.identity))
        assert [move.previous for move in moves[1:]] == [move.release for move in moves[:-1]]


def crash_before_the_move(
    monkeypatch: pytest.MonkeyPatch, lake: Lake, dataflow: DataflowContract, ready: Accepted
) -> None:
    """Have a publication write its document and crash before it moves the pointer."""
    with monkeypatch.context() as patch:
        before_the_call(patch, publication, "append_move", _crash)
        with pytest.raises(Crash):
            publish(lake, dataflow, ready, params={}, inputs={})


def _crash() -> None:
    raise Crash


def before_the_call(
    patch: pytest.MonkeyPatch, module: object, name: str, act: Callable[[], object]
) -> None:
    """Do something once, just before the module's function is called."""
    function = getattr(module, name)
    done = False

    def wrapped(*args: object, **kwargs: object) -> object:
        nonlocal done
        if not done:
            done = True
            act()
        return function(*args, **kwargs)

    patch.setattr(module, name, wrapped)
