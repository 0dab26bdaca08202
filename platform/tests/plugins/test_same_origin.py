"""Which requests are answered: by the names that browsers send with them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from isthmus_platform.local_airflow.plugins import same_origin as of_a_local_airflow
from isthmus_platform.plugins import same_origin as module
from isthmus_platform.plugins.same_origin import Addresses, SameOrigin, configured_addresses

KNOWN = Addresses(
    frozenset({"127.0.0.1", "::1", "localhost", "airflow.example"}),
    frozenset({"https://airflow.example", "https://portal.example"}),
)
Message = dict[str, object]
OK: list[Message] = [{"type": "answered"}]


def sent(headers: Sequence[tuple[str, str]], kind: str = "http") -> list[Message]:
    """Return what is sent for a request with these headers."""
    messages: list[Message] = []

    async def app(_scope: object, _receive: object, _send: object) -> None:
        messages.extend(OK)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:  # type: ignore[misc] # ASGI has it mutable
        messages.append(message)

    pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "headers": pairs}
    asyncio.run(SameOrigin(app, KNOWN)(scope, receive, send))  # type: ignore[arg-type] # as above
    return messages


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "localhost", "LOCALHOST:9000", "[::1]:8080", "airflow.example:443"],
)
def test_a_request_for_this_airflow_is_answered(host: str) -> None:
    assert sent([("Host", host)]) == OK


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("10.0.0.1:8080", "", "127.0.0.1@evil.example", "evil.example/127.0.0.1", "[::1", "::1"),
        *("127.0.0.1:8080/x", "127.0.0.1?", "0.0.0.0:1", "localhost, evil.example"),
    ],
)
def test_a_request_for_another_site_is_refused(host: str) -> None:
    start, body = sent([("Host", host)])
    assert start["status"] == 403
    text = json.loads(bytes(body["body"]))["detail"]  # type: ignore[call-overload] # it is bytes
    assert text.startswith(f"the header Host is {host!r}; this Airflow is 127.0.0.1, ::1, airflow.")
    assert text.endswith("`base_url` in its section [api] sets the name under which it is reached")


@pytest.mark.parametrize(
    "headers", [[], [("Host", "localhost"), ("Host", "evil.example")]], ids=["none", "two"]
)
def test_a_request_without_one_host_is_refused(headers: list[tuple[str, str]]) -> None:
    assert sent(headers)[0]["status"] == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("LOCALHOST:8080", "http://localhost:8080"),
        ("airflow.example", "https://airflow.example"),
        ("127.0.0.1:8080", "https://airflow.example"),  # behind a proxy that changes Host
        ("airflow.example", "https://portal.example"),
    ],
)
def test_a_request_of_an_own_page_is_answered(host: str, origin: str) -> None:
    assert sent([("Host", host), ("Origin", origin)]) == OK


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "http://localhost", "http://localhost:3000", "null", ""),
        *("http://127.0.0.1:8080", "http://localhost:8080.evil.example", "file://localhost:8080"),
    ],
)
def test_a_request_of_another_sites_page_is_refused(origin: str) -> None:
    start, body = sent([("Host", "localhost:8080"), ("Origin", origin)])
    assert start["status"] == 403
    assert f"the header Origin is {origin!r}. `access_control_allow_orig".encode() in body["body"]  # type: ignore[operator] # it is bytes


def test_what_is_shown_of_a_header_is_short() -> None:
    for headers in ([("Host", "x" * 10_000)], [("Host", "localhost"), ("Origin", "x" * 10_000)]):
        body = sent(headers)[1]["body"]
        assert isinstance(body, bytes)
        assert len(body) < 500


def test_a_foreign_websocket_is_closed() -> None:
    (closed,) = sent([("Host", "evil.example")], "websocket")
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    assert sent([("Host", "localhost")], "websocket") == OK


def test_the_start_of_the_server_passes() -> None:
    assert sent([], "lifespan") == OK


def test_addresses_are_airflows_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AIRFLOW__API__BASE_URL": "https://Airflow.example/team",
        "AIRFLOW__API__ACCESS_CONTROL_ALLOW_ORIGINS": "https://portal.example http://other:1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://api-server:8080/execution/",
    }.items():
        monkeypatch.setenv(name, value)
    found = configured_addresses()
    assert found.hosts == {"127.0.0.1", "::1", "localhost", "airflow.example", "api-server"}
    assert found.origins == {
        "https://airflow.example",
        "https://portal.example",
        "http://other:1",
    }


def test_without_settings_only_this_machine_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API__BASE_URL", "API__ACCESS_CONTROL_ALLOW_ORIGINS"):
        monkeypatch.delenv(f"AIRFLOW__{name}", raising=False)
    monkeypatch.delenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", raising=False)
    assert {"127.0.0.1", "::1", "localhost"} <= configured_addresses().hosts


def test_a_local_airflow_has_the_same_plugin() -> None:
    assert of_a_local_airflow.SameOriginPlugin is module.SameOriginPlugin
    (middleware,) = module.SameOriginPlugin.fastapi_root_middlewares
    assert middleware["middleware"] is SameOrigin
