from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.workspace import workspace
from isthmus_platform.runs import RunRecord


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__2013-01-01T00:00:00+00:00")


def test_a_workspace_is_empty_at_first_and_removed_afterwards(record: RunRecord) -> None:
    attempt = record.attempt("transform", 2)
    with workspace(attempt, None) as first:
        (first.staging / "stray").write_text("stray")
        with workspace(attempt, None) as again:
            assert list(again.staging.iterdir()) == []
            assert again.scratch.is_dir()
    assert not attempt.work.exists()


def test_the_workspace_of_a_killed_attempt_is_removed_by_the_next(record: RunRecord) -> None:
    killed, other = record.attempt("transform", 1).work, record.attempt("another", 1).work
    for directory in (killed, other):
        (directory / "staging").mkdir(parents=True)
        (directory / "staging" / "days.parquet").write_text("what was staged")
    with workspace(record.attempt("transform", 3), None):
        assert not killed.exists()
    assert list(record.work.iterdir()) == [other]


def test_a_runner_writes_in_no_directory_of_records(record: RunRecord, tmp_path: Path) -> None:
    record.create()
    with workspace(record.attempt("transform", 1), None) as directories:
        for directory in (directories.staging, directories.scratch):
            assert not directory.is_relative_to(tmp_path / "records")
            assert directory.is_relative_to(tmp_path / "work")
    assert record.directory.is_relative_to(tmp_path / "records")


def test_directories_deeper_than_a_path_can_name_do_not_stop_the_next_attempt(
    record: RunRecord,
) -> None:
    attempt = record.attempt("transform", 1)
    with workspace(attempt, None) as directories:
        make = "import os\nfor _ in range(2000): os.mkdir('d' * 50); os.chdir('d' * 50)"
        subprocess.run([sys.executable, "-c", make], cwd=directories.scratch, check=True)
    assert not attempt.work.exists()
    with workspace(attempt, None):
        pass


def test_what_cannot_be_removed_is_said(record: RunRecord) -> None:
    attempt = record.attempt("transform", 1)
    attempt.work.parent.mkdir(parents=True)
    attempt.work.write_text("not a directory")
    with pytest.raises(RunnerError, match="cannot be removed"), workspace(attempt, None):
        pass
