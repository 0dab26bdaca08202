from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from isthmus_contracts import Identity
from isthmus_contracts.protocol import CheckFinished, Graph, GraphNode, NodeFinished
from isthmus_contracts.rules import CheckResult
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release, ReleasedFile, ReleasedTable
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.local_airflow.report import report_release, report_times
from isthmus_platform.runs import RunRecord
from isthmus_platform.storage import DiskStore
from isthmus_platform.terminal.printing import terminal

HOSTILE = "a[/]b\x1b]0;title\x07:bug:"


@pytest.fixture
def console() -> Console:
    console = terminal()
    console.file = StringIO()
    return console


def printed(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_release_is_shown_with_places_that_are_not_cut_off(
    console: Console, tmp_path: Path
) -> None:
    place = "files/" + "x" * 200
    release = Release(
        *("id", "parcel_delays.v1", "1.0.0", "code", "run", "digest", "2013-01-01T00:00:00"),
        params={},
        inputs={},
        tables={"days": ReleasedTable("tables/days", 3, 1095, {})},
        files={"card": ReleasedFile(place, 12345, "0" * 64)},
        metrics={"quality": {"auc": 0.75}},
    )
    report_release(release, Lake(DiskStore(tmp_path)), console)
    text = printed(console)
    assert "parcel_delays.v1 published release id" in text
    assert "1,095 rows" in text
    assert "(version 3)" in text
    assert f"{place}\n" in text
    assert "auc 0.75" in text


def test_times_are_printed_and_hostile_names_are_escaped(console: Console, tmp_path: Path) -> None:
    record = RunRecord(tmp_path, Identity("parcel_delays", 1), "run")
    node = GraphNode(HOSTILE, "function", "int", "", ())
    with record.attempt("transform", 1).recording() as recorder:
        recorder.record(Graph(0.0, (node,)))
        recorder.record(NodeFinished(1.0, HOSTILE, 1.5))
        for check in ("days.nullable", "key"):
            passed = CheckResult(check, "error", True, "it is kept")
            recorder.record(CheckFinished(1.5, "days", passed))
        low = CheckResult("range", "warning", False, f"{HOSTILE} is low")
        recorder.record(CheckFinished(2.0, "days", low))
    begin = datetime(2013, 1, 1, tzinfo=UTC)
    run = Run("parcel_delays.v1", "run", "success", None, None, begin, begin.replace(second=4))
    report_times(run, record, console)
    text = printed(console)
    assert "checks    2 passed, 1 warned" in text
    assert "warning   days: a[/]b\\x1b]0;title\\x07:bug: is low" in text
    assert "1.5 s in 1 functions, 2.5 s around them, 4.0 s in all" in text
    assert "a[/]b\\x1b]0;title\\x07:bug: 1.5 s" in text
