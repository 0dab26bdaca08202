from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_platform.runners.workspace import workspace
from isthmus_platform.runs import RunRecord, removal
from isthmus_platform.runs.history import newest_runs
from isthmus_platform.runs.index import add_entry
from isthmus_platform.runs.record import index_of
from isthmus_platform.runs.removal import MOST_AT_ONCE, remove_old_runs

WritePast = Callable[..., RunRecord]

DATAFLOW = Identity("parcel_delays", 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def remove(root: Path, before: datetime = NOON, *active: str) -> int:
    return remove_old_runs(root, DATAFLOW, before, lambda run: run in active)


def runs(root: Path) -> list[str]:
    return [run.record.run for run in newest_runs(root, DATAFLOW, 1000)]


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


@pytest.fixture
def old(write_past: WritePast) -> list[RunRecord]:
    """Write five runs, one a day, of which three are from before NOON."""
    return [write_past(f"run-{days}", NOON + timedelta(days=days)) for days in range(-3, 2)]


@pytest.mark.usefixtures("old")
def test_records_from_before_a_time_are_removed(tmp_path: Path) -> None:
    assert remove(tmp_path) == 3
    assert runs(tmp_path) == ["run-1", "run-0"]
    kept = {part for path in files(tmp_path) for part in path.parts if part.startswith("run-")}
    assert kept == {"run-0", "run-1"}
    days = sorted(path.name for path in index_of(tmp_path, DATAFLOW).iterdir())
    assert days == ["2026-03-01", "2026-03-02"]
    assert remove(tmp_path) == 0


def test_a_run_of_another_dataflow_stays(write_past: WritePast, tmp_path: Path) -> None:
    write_past("run", NOON - timedelta(days=3))
    other = Identity("parcel_delays", 2)
    assert remove_old_runs(tmp_path, other, NOON, lambda _: False) == 0
    assert runs(tmp_path) == ["run"]


def test_nothing_to_remove_is_fine(tmp_path: Path) -> None:
    assert remove(tmp_path) == 0


@pytest.mark.usefixtures("old")
def test_a_run_that_is_active_stays_however_old_it_is(tmp_path: Path) -> None:
    before = files(tmp_path)
    assert remove(tmp_path, NOON, "run--3", "run--2", "run--1") == 0
    assert files(tmp_path) == before
    assert remove(tmp_path, NOON, "run--3") == 2
    assert runs(tmp_path) == ["run-1", "run-0", "run--3"]
    assert remove(tmp_path) == 1


def test_a_run_of_which_an_attempt_began_later_stays(old: list[RunRecord], tmp_path: Path) -> None:
    with old[0].attempt("transform", 2).recording():  # today, long after NOON
        pass
    assert remove(tmp_path) == 2
    assert runs(tmp_path) == ["run--3", "run-1", "run-0"]
    assert remove(tmp_path, NOON + timedelta(days=9)) == 2
    assert runs(tmp_path) == ["run--3"]
    assert remove(tmp_path, datetime.now(UTC) + timedelta(days=1)) == 1


def test_runs_with_later_attempts_are_not_looked_at_again_and_again(
    write_past: WritePast, tmp_path: Path
) -> None:
    for minutes in range(MOST_AT_ONCE + 1):
        record = write_past(f"run-{minutes}", NOON + timedelta(days=-9, minutes=minutes))
        with record.attempt("transform", 2).recording():
            pass
    write_past("old", NOON - timedelta(days=8))
    assert [remove(tmp_path) for _ in range(3)] == [0, 1, 0]
    assert len(runs(tmp_path)) == MOST_AT_ONCE + 1


def test_airflow_is_not_asked_about_runs_with_later_attempts(
    old: list[RunRecord], tmp_path: Path
) -> None:
    asked: list[str] = []

    def is_active(run: str) -> bool:
        asked.append(run)
        return False

    with old[1].attempt("transform", 2).recording():
        pass
    remove_old_runs(tmp_path, DATAFLOW, NOON, is_active)
    assert asked == ["run--3", "run--1"]


def test_what_a_killed_attempt_left_is_removed_with_its_run(
    old: list[RunRecord], tmp_path: Path
) -> None:
    for record in (old[0], old[-1]):
        staging = record.attempt("transform", 1).work / "staging"
        staging.mkdir(parents=True)
        (staging / "days.parquet").write_text("what was staged")
    with workspace(old[1].attempt("transform", 1), None):
        pass
    remove(tmp_path)
    assert [path.name for path in (tmp_path / "work" / str(DATAFLOW)).iterdir()] == ["run-1"]


def test_one_call_looks_at_a_few_and_the_next_goes_on(
    write_past: WritePast, tmp_path: Path
) -> None:
    number = 2 * MOST_AT_ONCE + 10
    for minutes in range(number):
        write_past(f"run-{minutes}", NOON - timedelta(days=9) + timedelta(minutes=minutes))
    assert remove(tmp_path) == MOST_AT_ONCE
    assert runs(tmp_path)[-1] == f"run-{MOST_AT_ONCE}"
    assert [remove(tmp_path) for _ in range(3)] == [MOST_AT_ONCE, 10, 0]
    assert files(tmp_path) == []


class KilledError(Exception):
    """Stand for the end of the process."""


_STEPS = ((shutil, "rmtree"), (Path, "rename"), (Path, "unlink"), (Path, "rmdir"))


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize("step", range(3 * 6))  # six for each of three runs
def test_a_removal_that_is_killed_at_any_step_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    steps = count()

    def killed_at_step(original: Callable[..., None]) -> Callable[..., None]:
        def change(*arguments: Path, **named: bool) -> None:
            if next(steps) == step:
                raise KilledError
            original(*arguments, **named)

        return change

    with monkeypatch.context() as patch:
        for owner, name in _STEPS:
            patch.setattr(owner, name, killed_at_step(getattr(owner, name)))
        with pytest.raises(KilledError):
            remove(tmp_path)
    for run in newest_runs(tmp_path, DATAFLOW, 50):  # a reader finds all of a record, or nothing
        found = sorted(path.name for path in run.record.directory.iterdir())
        assert found == ["pins.json", "transform.1.events.jsonl"]
    remove(tmp_path)
    assert runs(tmp_path) == ["run-1", "run-0"]
    left = {part for path in tmp_path.rglob("*") for part in path.parts if "run-" in part}
    assert left == {"run-0", "run-1"}


def test_a_removal_that_stopped_half_way_in_a_record_is_finished(
    old: list[RunRecord], tmp_path: Path
) -> None:
    directory = old[0].directory
    directory.rename(directory.with_name(f".{directory.name}"))
    assert old[0].run not in runs(tmp_path)
    assert remove(tmp_path) == 3
    assert sorted(path.name for path in directory.parent.iterdir()) == ["run-0", "run-1"]


def test_a_record_that_came_back_is_removed_too(old: list[RunRecord], tmp_path: Path) -> None:
    directory = old[0].directory
    shutil.copytree(directory, directory.with_name(f".{directory.name}"))
    assert remove(tmp_path) == 3
    assert sorted(path.name for path in directory.parent.iterdir()) == ["run-0", "run-1"]


def test_what_cannot_be_removed_is_named_and_tried_again(
    old: list[RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, stubborn = shutil.rmtree, f".{old[0].run}"

    def rmtree(path: Path, **named: bool) -> None:
        if path.name != stubborn:
            original(path, **named)

    monkeypatch.setattr(removal.shutil, "rmtree", rmtree)
    with pytest.raises(OSError, match=rf"{stubborn} could not be removed$"):
        remove(tmp_path)
    assert runs(tmp_path) == ["run-1", "run-0"]  # the others are gone
    monkeypatch.undo()
    assert remove(tmp_path) == 1
    assert sorted(path.name for path in old[0].directory.parent.iterdir()) == ["run-0", "run-1"]


def test_two_removals_at_the_same_time_remove_each_run_once(
    old: list[RunRecord], tmp_path: Path
) -> None:
    def is_active(_run: str) -> bool:
        if not other:
            other.append(0)
            other[0] = remove(tmp_path)
        return False

    other: list[int] = []
    remove_old_runs(tmp_path, DATAFLOW, NOON, is_active)
    assert other == [3]
    assert runs(tmp_path) == ["run-1", "run-0"]
    assert len(list(old[0].directory.parent.iterdir())) == 2


def test_an_entry_without_a_record_is_removed(tmp_path: Path) -> None:
    add_entry(index_of(tmp_path, DATAFLOW), "gone", NOON - timedelta(days=1))
    assert remove(tmp_path) == 1
    assert list(index_of(tmp_path, DATAFLOW).iterdir()) == []


def test_a_damaged_entry_removes_nothing(old: list[RunRecord], tmp_path: Path) -> None:
    (entry,) = (index_of(tmp_path, DATAFLOW) / "2026-02-26").iterdir()
    entry.write_text("")
    os.utime(old[0].directory.parent, (0, 0))
    assert remove(tmp_path) == 2
    assert old[0].pins.is_file()
