"""Wait until a new Airflow can run tasks, not only answer requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import httpx

from isthmus_platform.local_airflow.errors import InstallationError

_INTERVAL = 0.1
_WITH_HEARTBEAT = ("scheduler", "dag-processor", "triggerer")


def wait_until_healthy(
    url: str,
    components: Collection[str],
    check: Callable[[], None],
    timeout: float,
    transport: httpx.BaseTransport | None = None,
) -> None:
    """Return when each component is healthy and the first task will not have to wait.

    `check` raises if a component has died. A heartbeat from before this call is ignored: an
    installation that was killed leaves one in the database.
    """
    begin = datetime.now(UTC)
    deadline = time.monotonic() + timeout
    expected = [name for name in _WITH_HEARTBEAT if name in components]
    with httpx.Client(base_url=url, timeout=60, trust_env=False, transport=transport) as http:
        missing = ["api-server"]
        warm = False
        while missing:
            check()
            if time.monotonic() > deadline:
                raise InstallationError(
                    f"Airflow at {url} is not healthy after {timeout:g} s: no heartbeat from "
                    f"{', '.join(missing)}; see the logs of its components"
                )
            time.sleep(_INTERVAL)
            try:
                # the first request to this API takes seconds, in which a task would give up
                warm = warm or http.get("/execution/health").is_success
                answer = http.get("/api/v2/monitor/health")
            except httpx.TransportError:
                continue
            if warm and answer.is_success:
                status = answer.json()
                missing = [name for name in expected if not _is_healthy(status, name, begin)]


def _is_healthy(status: dict[str, Any], component: str, since: datetime) -> bool:
    name = component.replace("-", "_")
    part = status.get(name) or {}
    beat = part.get(f"latest_{name}_heartbeat")
    if part.get("status") != "healthy" or not beat:
        return False
    return datetime.fromisoformat(beat) >= since
