from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from isthmus_platform.local_airflow.errors import InstallationError
from isthmus_platform.local_airflow.health import wait_until_healthy

COMPONENTS = ("api-server", "scheduler", "dag-processor")
URL = "http://127.0.0.1:8123"


def _part(name: str, beat: datetime | None, status: str = "healthy") -> dict[str, object]:
    moment = beat.isoformat() if beat else None
    return {name: {"status": status, f"latest_{name}_heartbeat": moment}}


def _airflow(
    asked: list[str], scheduler: Callable[[], datetime | None]
) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        now = datetime.now(UTC)
        parts = {
            **_part("scheduler", scheduler()),
            **_part("dag_processor", now),
            "triggerer": {"status": None},
        }
        return httpx.Response(200, json=parts)

    return answer


def _wait(handler: Callable[[httpx.Request], httpx.Response], timeout: float = 5) -> None:
    transport = httpx.MockTransport(handler)
    wait_until_healthy(URL, COMPONENTS, lambda: None, timeout, transport)


def test_the_api_for_tasks_is_requested_once_before_health_is_reported() -> None:
    asked: list[str] = []
    _wait(_airflow(asked, lambda: datetime.now(UTC)))
    assert asked == ["/execution/health", "/api/v2/monitor/health"]


def test_a_server_that_does_not_listen_yet_is_awaited() -> None:
    asked: list[str] = []
    airflow = _airflow(asked, lambda: datetime.now(UTC))
    refusals = iter([True, True])

    def answer(request: httpx.Request) -> httpx.Response:
        if next(refusals, False):
            raise httpx.ConnectError("refused")
        return airflow(request)

    _wait(answer)
    assert len(asked) == 2


def test_a_heartbeat_from_before_is_ignored() -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    beats = iter([None, before, before])
    asked: list[str] = []
    _wait(_airflow(asked, lambda: next(beats, datetime.now(UTC))))
    assert asked.count("/api/v2/monitor/health") == 3


def test_components_without_a_heartbeat_are_named_after_the_timeout() -> None:
    with pytest.raises(InstallationError, match=r"not healthy after 0.3 s.* from scheduler;"):
        _wait(_airflow([], lambda: None), timeout=0.3)


def test_a_component_that_dies_ends_the_wait() -> None:
    def check() -> None:
        raise InstallationError("the scheduler died")

    transport = httpx.MockTransport(_airflow([], lambda: None))
    with pytest.raises(InstallationError, match="scheduler died"):
        wait_until_healthy(URL, COMPONENTS, check, 5, transport)
