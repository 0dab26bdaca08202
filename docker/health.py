#!/opt/venvs/platform/bin/python
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
_BROKER = Path("/run/isthmus/broker_url")


def main(service: str) -> bool:
    """Say whether a service is well: ask it, or the API server, which knows its heartbeat."""
    match service:
        case "api-server":
            # The server's first answer here takes seconds, in which a task would give up.
            _get("http://127.0.0.1:8080/execution/health")
            _get("http://127.0.0.1:8080/api/v2/version")
        case "scheduler":
            _get("http://127.0.0.1:8974/health")
        case "dag-processor" | "triggerer":
            status = json.loads(_get("http://api-server:8080/api/v2/monitor/health"))
            return bool(status[service.replace("-", "_")]["status"] == "healthy")
        case _:
            return _worker_answers()
    return True


def _worker_answers() -> bool:
    from celery import Celery  # noqa: PLC0415 - the others answer without it

    name = f"celery@{socket.gethostname()}"
    broker = _BROKER.read_text(encoding="utf-8")
    return bool(Celery(broker=broker).control.ping([name], timeout=_SECONDS, limit=1))


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the URLs above
        return bytes(answer.read())


if __name__ == "__main__":
    try:
        sys.exit(0 if main(sys.argv[1]) else f"{sys.argv[1]} gives no sign of life")
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
