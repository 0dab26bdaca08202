from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from isthmus_contracts import Identity
from isthmus_platform.cli.announce import LOGIN_VARIABLE, Announcer
from isthmus_platform.errors import UserError

URL = "http://airflow:8080"
NUMBERS = Identity("numbers", 1)
ASSETS = [{"id": 6, "name": "more_numbers.v1"}, {"id": 7, "name": "numbers.v1"}]


class Airflow:
    """Answer as Airflow's API does, and remember what was asked."""

    def __init__(self, assets: list[dict[str, object]]) -> None:
        self.assets = assets
        self.logins: list[object] = []
        self.events: list[object] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        if request.url.path == "/auth/token":
            self.logins.append(body)
            return httpx.Response(201, json={"access_token": "t"})
        assert request.headers["Authorization"] == "Bearer t"
        if request.method == "GET":
            assert request.url.params["name_pattern"] == "numbers.v1"
            return httpx.Response(200, json={"assets": self.assets, "total_entries": 1})
        assert request.url.path == "/api/v2/assets/events"
        self.events.append(body)
        return httpx.Response(200, json={"id": 1})


def announce(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    with Announcer(URL, httpx.MockTransport(answer)) as announcer:
        announcer.announce(NUMBERS, "abc-3")


def test_an_event_of_the_dataflows_own_asset_names_the_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(LOGIN_VARIABLE, raising=False)
    airflow = Airflow(ASSETS)
    announce(airflow)
    assert airflow.events == [{"asset_id": 7, "extra": {"release": "abc-3"}}]
    assert airflow.logins == [{"username": "airflow", "password": "airflow"}]


def test_the_login_is_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOGIN_VARIABLE, "ada:a:b")
    airflow = Airflow(ASSETS)
    announce(airflow)
    assert airflow.logins == [{"username": "ada", "password": "a:b"}]


def test_an_asset_that_airflow_does_not_know_is_named() -> None:
    with pytest.raises(UserError, match=r"has no asset 'numbers\.v1'"):
        announce(Airflow(ASSETS[:1]))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, f"status 401; {LOGIN_VARIABLE} has its login"),
        (403, "status 403"),
        (500, "status 500"),
    ],
)
def test_a_refusal_is_one_sentence(status: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        announce(lambda _: httpx.Response(status, json={"detail": "no"}))


def test_an_airflow_that_does_not_answer_is_one_sentence() -> None:
    def gone(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    for answer in (gone, lambda _: httpx.Response(200, text="<html>")):
        with pytest.raises(UserError, match=f"Airflow at {URL} does not answer: "):
            announce(answer)
