from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from isthmus_contracts import Identity
from isthmus_contracts.protocol import CheckFinished, Graph, GraphNode, NodeFinished, RunFailure
from isthmus_contracts.rules import CheckResult
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release, ReleasedFile, ReleasedTable
from isthmus_platform.local_airflow import Client
from isthmus_platform.local_airflow.client import Run
from isthmus_platform.local_airflow.report import report_failure, report_release, report_times
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


RUN = Run("parcel_delays.v1", "manual__1", "failed", None, None, None, None)
LOG = "/airflow/logs/dag_id=parcel_delays.v1/attempt=1.log"
HEADER = [
    {"event": "::group::Log message source details"},
    {"event": LOG},
    {"event": "::endgroup::"},
]


def airflow(states: dict[str, str], *lines: dict[str, object], status: int = 200) -> Client:
    """Return a client of an Airflow with these tasks, of which each has this log."""
    dates = dict.fromkeys(("start_date", "end_date", "duration"))
    tasks = [
        {"task_id": name, "state": state, "try_number": 1, "map_index": -1, **dates}
        for name, state in states.items()
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if "/logs/" in request.url.path:
            detail = {"detail": "TaskInstance not found"}
            content = {"content": [*HEADER, *lines]}
            return httpx.Response(status, json=content if status == 200 else detail)
        return httpx.Response(200, json={"task_instances": tasks, "total_entries": len(tasks)})

    return Client("http://airflow", transport=httpx.MockTransport(answer))


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__1")


FAILED = {"ingest": "failed", "transform": "upstream_failed"}
HEADLINE = {"event": "Task failed with exception", "level": "error"}


def test_a_failure_is_shown_with_its_reason_log_and_run(
    console: Console, record: RunRecord
) -> None:
    error = {"event": f"source {HOSTILE!r}: it is down", "level": "error"}
    raised = {"exc_type": "AirflowFailException", "exc_value": error["event"]}
    client = airflow(FAILED, error, HEADLINE | {"error_detail": [raised]})
    report_failure(RUN, record, client, console)
    text = printed(console)
    assert text.splitlines()[1:] == [
        "parcel_delays.v1 ingest failed",
        f"source {HOSTILE!r}: it is down",
        f"log       {LOG}",
        "run       manual__1 of parcel_delays.v1",
    ]


def test_an_exception_that_no_operator_has_logged_is_shown(
    console: Console, record: RunRecord
) -> None:
    raised = {"exc_type": "OperationalError", "exc_value": f"unable to open {HOSTILE}"}
    client = airflow(FAILED, HEADLINE | {"error_detail": [raised]})
    report_failure(RUN, record, client, console)
    assert "OperationalError: unable to open a[/]b\\x1b]0;title" in printed(console)


def test_a_log_without_an_error_shows_its_last_line(console: Console, record: RunRecord) -> None:
    report_failure(RUN, record, airflow(FAILED, {"event": "it went well"}), console)
    assert "its log has no error; the last line is: it went well" in printed(console)
    report_failure(RUN, record, airflow(FAILED), console)
    assert "its log has no error; the last line is: nothing" in printed(console)


def test_a_log_that_cannot_be_read_is_no_reason_to_say_nothing(
    console: Console, record: RunRecord
) -> None:
    report_failure(RUN, record, airflow(FAILED, status=404), console)
    text = printed(console)
    assert "its log cannot be read: TaskInstance not found" in text
    assert "run       manual__1 of parcel_delays.v1" in text


def test_a_run_that_failed_without_a_failed_task_shows_its_tasks(
    console: Console, record: RunRecord
) -> None:
    client = airflow({"ingest": "success", "transform": "removed"})
    report_failure(RUN, record, client, console)
    assert "the run failed, and no task of it: ingest success, transform removed" in (
        printed(console)
    )


def test_the_traceback_of_a_runner_is_shown_once(console: Console, record: RunRecord) -> None:
    with record.attempt("ingest", 1).recording() as recorder:
        recorder.record(RunFailure("dataflow", "no", traceback="Traceback\nValueError: no\n"))
    error = {"event": "Traceback\nValueError: no\n", "level": "error"}
    report_failure(RUN, record, airflow(FAILED, error), console)
    assert printed(console).count("ValueError: no") == 1
    assert "no error" not in printed(console)
