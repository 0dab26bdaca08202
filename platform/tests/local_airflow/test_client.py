import json
from collections.abc import Callable

import httpx
import pytest

from isthmus_platform.local_airflow import client as client_module
from isthmus_platform.local_airflow.client import Client, LogLine
from isthmus_platform.local_airflow.errors import AirflowError

URL = "http://127.0.0.1:8123"
Answer = Callable[[httpx.Request], httpx.Response]


class Stub:
    """Answer logins, and everything else from a function; remember what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, object]] = []
        self.logins = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        if request.url.path == "/auth/token":
            self.logins += 1
            assert body == {"username": "airflow", "password": "airflow"}
            return httpx.Response(201, json={"access_token": f"t{self.logins}"})
        assert request.headers["Authorization"] == f"Bearer t{self.logins}"
        path = request.url.raw_path.decode().partition("?")[0]
        self.asked.append((request.method, path, body))
        return self.answer(request)


def _client(answer: Answer) -> tuple[Client, Stub]:
    stub = Stub(answer)
    return Client(URL, transport=httpx.MockTransport(stub)), stub


def _always(status: int, content: object) -> Answer:
    return lambda _request: httpx.Response(status, json=content)


def _run(run_id: str, state: str) -> dict[str, object]:
    return {
        "dag_id": "d",
        "dag_run_id": run_id,
        "state": state,
        "triggered_by": "rest_api",
        "queued_at": "2026-01-01T00:00:00Z",
        "start_date": None,
        "end_date": None,
    }


def test_a_run_is_started_with_its_params() -> None:
    client, stub = _client(_always(200, {"dag_run_id": "manual__1"}))
    assert client.trigger("parcel_delays.v1", {"days": 3}) == "manual__1"
    body = {"logical_date": None, "conf": {"days": 3}}
    assert stub.asked == [("POST", "/api/v2/dags/parcel_delays.v1/dagRuns", body)]


def test_names_are_quoted_in_paths() -> None:
    client, stub = _client(_always(200, _run("a/b", "queued")))
    client.run("d", "a/b+00:00")
    assert stub.asked[0][1] == "/api/v2/dags/d/dagRuns/a%2Fb%2B00%3A00"


def test_one_login_serves_many_requests_and_is_renewed() -> None:
    statuses = iter([200, 401, 200])
    client, stub = _client(lambda _: httpx.Response(next(statuses), json=_run("r", "running")))
    client.run("d", "r")
    assert stub.logins == 1
    client.run("d", "r")
    assert stub.logins == 2


@pytest.mark.parametrize(
    ("status", "detail", "sentence"),
    [
        (404, "Dag with dag_id: 'd' not found", "Dag with dag_id: 'd' not found"),
        (
            400,
            "Invalid input for param n: 11 > 10\n\nFailed …",
            "Invalid input for param n: 11 > 10",
        ),
        (409, {"reason": "Unique constraint violation"}, "Unique constraint violation"),
        (422, [{"loc": ["body", "conf"], "msg": "not a dict"}], "body.conf: not a dict"),
        (500, None, "Internal Server Error"),
    ],
)
def test_airflows_message_is_passed_on(status: int, detail: object, sentence: str) -> None:
    client, _ = _client(_always(status, {"detail": detail}))
    with pytest.raises(AirflowError) as refused:
        client.trigger("d")
    assert str(refused.value) == sentence
    assert refused.value.status == status


def test_an_airflow_that_does_not_answer_is_reported() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client, _ = _client(answer)
    with pytest.raises(AirflowError, match=r"127\.0\.0\.1:8123 does not answer: refused"):
        client.dags()


def test_every_page_is_read() -> None:
    runs = [_run(f"r{number}", "success") for number in range(150)]

    def answer(request: httpx.Request) -> httpx.Response:
        begin = int(request.url.params["offset"])
        end = begin + int(request.url.params["limit"])
        return httpx.Response(200, json={"dag_runs": runs[begin:end], "total_entries": 150})

    client, stub = _client(answer)
    assert [run.id for run in client.runs("d")] == [f"r{number}" for number in range(150)]
    assert len(stub.asked) == 2


def test_a_run_is_awaited() -> None:
    states = iter(["queued", "running", "success"])
    client, _ = _client(lambda _: httpx.Response(200, json=_run("r", next(states))))
    assert client.wait("d", "r", timeout=5, interval=0).state == "success"
    client, _ = _client(_always(200, _run("r", "running")))
    with pytest.raises(TimeoutError, match="'r' of 'd' is running after 0 s"):
        client.wait("d", "r", timeout=0, interval=0)


def test_tasks_are_in_the_order_of_their_start() -> None:
    def task(name: str, start: str | None) -> dict[str, object]:
        return {
            "task_id": name,
            "state": "success" if start else None,
            "try_number": 1,
            "start_date": start,
            "end_date": None,
            "duration": None,
            "map_index": -1,
        }

    tasks = [
        task("publish", None),
        task("transform", "2026-01-01T00:00:02Z"),
        task("ingest", "2026-01-01T00:00:01Z"),
    ]
    client, _ = _client(_always(200, {"task_instances": tasks, "total_entries": 3}))
    assert [task.id for task in client.tasks("d", "r")] == ["ingest", "transform", "publish"]


def test_a_log_is_lines_without_the_note_on_where_it_lies() -> None:
    content = [
        {"event": "::group::Log message source details"},
        {"event": "/var/log/1.log"},
        {"event": "::endgroup::"},
        {"event": "node", "level": "info", "logger": "task", "name": "mean"},
    ]
    client, _ = _client(_always(200, {"content": content, "continuation_token": None}))
    line = LogLine("node", level="info", logger="task", fields={"name": "mean"})
    assert client.log("d", "r", "t") == [line]
    client, _ = _client(_always(200, {"content": ["plain"], "continuation_token": None}))
    assert client.log("d", "r", "t") == [LogLine("plain")]


def test_the_files_of_a_log_are_those_that_its_header_names() -> None:
    content = [
        {"event": "::group::Log message source details"},
        {"event": "/var/log/1.log"},
        {"event": "::endgroup::"},
        "plain",
    ]
    client, _ = _client(_always(200, {"content": content, "continuation_token": None}))
    assert client.log_and_files("d", "r", "t") == ([LogLine("plain")], ["/var/log/1.log"])
    client, _ = _client(_always(200, {"content": ["plain"], "continuation_token": None}))
    assert client.log_and_files("d", "r", "t") == ([LogLine("plain")], [])


def test_pools_are_known_by_their_slots() -> None:
    pools = [{"name": "default_pool", "slots": 128}, {"name": "any", "slots": -1}]
    client, _ = _client(_always(200, {"pools": pools, "total_entries": 2}))
    assert client.pools() == {"default_pool": 128, "any": -1}
    assert client.url == URL


def test_the_runs_that_an_event_triggered_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_POLL_SECONDS", 0)
    event = {
        "name": "parcel_delays.v1",
        "timestamp": "2026-01-01T00:00:00Z",
        "extra": {"release": "x"},
        "created_dagruns": [{"dag_id": "station_days.v1", "run_id": "asset__1"}],
    }
    events = {"asset_events": [event], "total_entries": 1}
    answers = iter([httpx.Response(500), httpx.Response(200, json=events)])
    client, _ = _client(lambda _: next(answers))
    [found] = client.asset_events("d", "r")
    assert found.triggered == (("station_days.v1", "asset__1"),)
    assert found.extra == {"release": "x"}


def test_a_run_is_failed_and_a_task_cleared_with_the_tasks_after_it() -> None:
    client, stub = _client(_always(200, {"task_instances": [{"task_id": "publish"}]}))
    client.fail("d", "r")
    assert stub.asked[-1] == ("PATCH", "/api/v2/dags/d/dagRuns/r", {"state": "failed"})
    assert client.clear("d", "r", ["publish"]) == ["publish"]
    _, path, body = stub.asked[-1]
    assert path == "/api/v2/dags/d/clearTaskInstances"
    assert body == {
        "dry_run": False,
        "dag_run_id": "r",
        "only_failed": False,
        "include_downstream": True,
        "task_ids": ["publish"],
    }


@pytest.mark.parametrize(
    "asked", [httpx.Response(200, json=None), httpx.Response(409, json={"detail": "there is one"})]
)
def test_a_dag_file_is_read_again_whether_or_not_it_was_requested_before(
    asked: httpx.Response,
) -> None:
    dag = {
        "dag_id": "d",
        "dag_display_name": "D",
        "is_paused": False,
        "has_import_errors": False,
        "file_token": "a.b",
    }
    listing = {"dags": [dag], "total_entries": 1}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=listing) if request.method == "GET" else asked

    client, stub = _client(answer)
    found = client.dag("d")
    assert found
    client.reparse(found)
    assert stub.asked[-1][:2] == ("PUT", "/api/v2/parseDagFile/a.b")
    assert client.dag("other") is None
