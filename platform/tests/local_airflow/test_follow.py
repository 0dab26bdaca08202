from __future__ import annotations

from io import StringIO
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from isthmus_contracts import Identity
from isthmus_contracts.protocol import Graph, GraphNode, NodeFinished
from isthmus_platform.local_airflow import Client, InstallationError, Running
from isthmus_platform.local_airflow import follow as module
from isthmus_platform.local_airflow.follow import follow, triggered_runs
from isthmus_platform.local_airflow.models import Run
from isthmus_platform.local_airflow.processes import Components
from isthmus_platform.runs import RunRecord
from isthmus_platform.terminal.printing import terminal

GRAPH = Graph(
    0.0, tuple(GraphNode(name, "function", "table", "", ()) for name in ("delays", "scores"))
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll without a pause."""
    monkeypatch.setattr(module, "_POLL_SECONDS", 0)


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    return RunRecord(tmp_path, Identity("parcel_delays", 1), "manual__1")


@pytest.fixture
def console() -> Console:
    console = terminal()
    console.file = StringIO()
    return console


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def task(name: str, state: str | None, seconds: float | None = None) -> dict[str, object]:
    return {
        "task_id": name,
        "state": state,
        "try_number": 1,
        "start_date": None,
        "end_date": None,
        "duration": seconds,
        "map_index": -1,
    }


def airflow(*polls: tuple[str, list[dict[str, object]]]) -> Client:
    """Return a client of an Airflow whose run is in these states, with these tasks, in turn."""
    left = list(polls)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if request.url.path.endswith("/taskInstances"):
            _, tasks = left.pop(0)
            return httpx.Response(200, json={"task_instances": tasks, "total_entries": len(tasks)})
        dates = dict.fromkeys(("queued_at", "start_date", "end_date"))
        run = {"dag_id": "parcel_delays.v1", "dag_run_id": "manual__1", "triggered_by": "rest_api"}
        return httpx.Response(200, json={**run, **dates, "state": left[0][0]})

    return Client("http://airflow", transport=httpx.MockTransport(answer))


def test_the_end_of_each_task_is_printed_once(record: RunRecord, console: Console) -> None:
    client = airflow(
        ("running", [task("ingest", "success", 1.25), task("transform", "running")]),
        ("running", [task("ingest", "success", 1.25), task("transform", "running")]),
        ("failed", [task("transform", "failed", 2.0), task("publish", "upstream_failed")]),
    )
    assert follow(client, None, record, console).state == "failed"
    assert printed(console) == [
        "  parcel_delays.v1 ingest done in 1.2 s",
        "  parcel_delays.v1 transform failed in 2.0 s",
        "  parcel_delays.v1 publish not run",
    ]


def test_progress_is_printed_where_no_line_can_be_redrawn(
    record: RunRecord, console: Console
) -> None:
    with record.attempt("transform", 1).recording() as recorder:
        recorder.record(GRAPH)
        recorder.record(NodeFinished(1.0, "delays", 1.5))
    running = [task("transform", "running")]
    follow(airflow(("running", running), ("success", running)), None, record, console)
    assert printed(console) == ["  parcel_delays.v1 transform: 1 of 2 nodes"]


def test_what_is_waited_for_is_printed_once(
    record: RunRecord, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0)
    reasons = iter(["it is paused", "it is paused", "a worker"])
    monkeypatch.setattr(module, "describe_wait", lambda *_: next(reasons))
    waiting, running = [task("transform", "scheduled")], [task("transform", "running")]
    client = airflow(
        *(("queued", waiting), ("queued", waiting), ("running", running)),
        *(("running", waiting), ("success", [])),
    )
    assert follow(client, None, record, console).state == "success"
    assert printed(console) == ["  parcel_delays.v1: it is paused", "  parcel_delays.v1: a worker"]


def test_a_run_that_goes_on_waits_for_nothing(
    record: RunRecord, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object) -> str:
        raise AssertionError("nobody waits")

    monkeypatch.setattr(module, "describe_wait", ask)
    waiting = [task("transform", "queued")]
    follow(airflow(("running", waiting), ("success", waiting)), None, record, console)


def test_a_component_that_dies_ends_the_wait(
    record: RunRecord, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(_components: Components) -> None:
        raise InstallationError("the scheduler died")

    monkeypatch.setattr(Components, "check", died)
    running = Running("http://airflow", Components(tmp_path, {}))
    with pytest.raises(InstallationError, match="the scheduler died"):
        follow(airflow(("running", [])), running, record, console)


def events(*triggered: list[str]) -> Client:
    """Return a client of an Airflow whose run has triggered more runs at each request."""
    left = list(triggered)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        names = left.pop(0) if len(left) > 1 else left[0]
        event = {
            "name": "parcel_delays.v1",
            "timestamp": "2026-01-01T00:00:00Z",
            "extra": None,
            "created_dagruns": [{"dag_id": name, "run_id": "asset__1"} for name in names],
        }
        return httpx.Response(200, json={"asset_events": [event], "total_entries": 1})

    return Client("http://airflow", transport=httpx.MockTransport(answer))


RUN = Run("parcel_delays.v1", "manual__1", "success", None, None, None, None)


def test_triggered_runs_are_awaited() -> None:
    client = events([], ["station_days.v1"], ["station_days.v1", "courier_days.v1"])
    assert triggered_runs(client, RUN, 2) == [
        ("station_days.v1", "asset__1"),
        ("courier_days.v1", "asset__1"),
    ]


def test_runs_that_were_not_triggered_in_time_are_omitted() -> None:
    assert triggered_runs(events(["station_days.v1"]), RUN, 2, timeout=0) == [
        ("station_days.v1", "asset__1")
    ]
