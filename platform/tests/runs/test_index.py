from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from isthmus_platform.runs.index import add_entry, index_entries

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_runs_are_in_the_order_of_their_start(tmp_path: Path) -> None:
    starts = {f"run-{hours}": NOON + timedelta(hours=hours) for hours in (30, -20, 0, 1, 31, -700)}
    for run, start in starts.items():
        add_entry(tmp_path, run, start)
    found = [(entry.run, entry.started_at) for entry in index_entries(tmp_path)]
    assert found == sorted(starts.items(), key=lambda item: item[1])
    newest_first = [entry.run for entry in index_entries(tmp_path, newest_first=True)]
    assert newest_first == [run for run, _ in found][::-1]


def test_the_day_is_that_of_utc(tmp_path: Path) -> None:
    late = datetime(2026, 3, 1, 23, 30, 5, 250, timezone(timedelta(hours=-2)))
    add_entry(tmp_path, "late", late)
    (entry,) = index_entries(tmp_path)
    assert entry.path.relative_to(tmp_path).as_posix().startswith("2026-03-02/013005000250-")
    assert entry.started_at == late


@pytest.mark.parametrize(
    "run", ["manual__2026-03-01T12:00:00+00:00", "a/b", "../up", "ü\r\n", "", "x" * 250]
)
def test_an_entry_has_the_whole_id(tmp_path: Path, run: str) -> None:
    add_entry(tmp_path, run, NOON)
    (entry,) = index_entries(tmp_path)
    assert entry.run == run
    assert entry.path.parent.parent == tmp_path


def test_without_a_run_there_is_no_entry(tmp_path: Path) -> None:
    assert list(index_entries(tmp_path / "days")) == []


def test_what_is_not_a_whole_entry_is_omitted(tmp_path: Path) -> None:
    for run in ("torn", "empty", "not text", "whole"):
        add_entry(tmp_path, run, NOON)
    paths = {entry.run: entry.path for entry in index_entries(tmp_path)}
    paths["torn"].write_text("to")
    paths["empty"].write_text("")
    paths["not text"].write_bytes(b"\xff")
    (tmp_path / "2026-03-01" / ".draft").write_text("whole")
    (tmp_path / "2026-03-01" / "notes.txt").write_text("whole")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "README").write_text("whole")
    assert [entry.run for entry in index_entries(tmp_path)] == ["whole"]


def test_an_entry_that_is_removed_meanwhile_is_omitted(tmp_path: Path) -> None:
    for minutes, run in enumerate(("a", "b", "c")):
        add_entry(tmp_path, run, NOON + timedelta(minutes=minutes))
    entries = index_entries(tmp_path)
    first = next(entries)
    for path in first.path.parent.iterdir():
        path.unlink()
    assert list(entries) == []
