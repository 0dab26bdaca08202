"""Say whether a service of Airflow is well, without importing Airflow: that would cost seconds.

`health.py api-server|scheduler|dag-processor|triggerer|worker`: exit status 0 for yes.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from pathlib import Path

_SECONDS = 5
_API = "http://api-server:8080/api/v2"
_BROKER = Path("/run/isthmus/broker_url")


def main(service: str) -> int:
    """Ask the service itself, or who hears its heartbeat."""
    match service:
        case "api-server":
            # The first request to this part takes the server seconds, in which a task would give up.
            _get("http://127.0.0.1:8080/execution/health")
            well = bool(_get("http://127.0.0.1:8080/api/v2/version"))
        case "scheduler":
            status = _get("http://127.0.0.1:8974/health")
            well = status["scheduler"]["status"] == "healthy"
        case "dag-processor" | "triggerer":
            status = _get(f"{_API}/monitor/health")
            well = status[service.replace("-", "_")]["status"] == "healthy"
        case _:
            well = _worker_answers()
    return 0 if well else 1


def _worker_answers() -> bool:
    from celery import Celery  # noqa: PLC0415 - the others answer without it

    name = f"celery@{socket.gethostname()}"
    broker = _BROKER.read_text(encoding="utf-8")
    return bool(Celery(broker=broker).control.ping([name], timeout=_SECONDS, limit=1))


def _get(url: str) -> dict[str, dict[str, str]]:
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the URLs above
        found: dict[str, dict[str, str]] = json.load(answer)
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
