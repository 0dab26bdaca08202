from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.workspace import workspace


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__2013-01-01T00:00:00+00:00")


def test_a_workspace_is_empty_at_first_and_removed_afterwards(record: RunRecord) -> None:
    attempt = record.attempt("transform", 2)
    with workspace(attempt) as first:
        (first.staging / "stray").write_text("stray")
        with workspace(attempt) as again:
            assert list(again.staging.iterdir()) == []
            assert again.scratch.is_dir()
    assert not attempt.work.exists()


def test_the_workspace_of_a_killed_attempt_is_removed_by_the_next(record: RunRecord) -> None:
    killed, other = record.attempt("transform", 1).work, record.attempt("another", 1).work
    for directory in (killed, other):
        (directory / "staging").mkdir(parents=True)
        (directory / "staging" / "days.parquet").write_text("what was staged")
    with workspace(record.attempt("transform", 3)):
        assert not killed.exists()
    assert list(record.work.iterdir()) == [other]


def test_a_runner_writes_in_no_directory_of_records(record: RunRecord, tmp_path: Path) -> None:
    record.create()
    with workspace(record.attempt("transform", 1)) as directories:
        for directory in (directories.staging, directories.scratch):
            assert not directory.is_relative_to(tmp_path / "records")
            assert directory.is_relative_to(tmp_path / "work")
    assert record.directory.is_relative_to(tmp_path / "records")
