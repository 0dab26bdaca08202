"""Let the API server of a local Airflow serve one writing request at a time.

Airflow 3.3.2 writes its audit log on the event loop, and waits there for SQLite's lock. If another
request has the lock, it needs the event loop to end: both wait until SQLite gives up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READ_METHODS = ("GET", "HEAD", "OPTIONS")


class SerializeWrites:
    """Serve requests that may write one after the other, each once all of it is received."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; pass other connections on."""
        if scope["type"] != "http" or scope["method"] in _READ_METHODS:
            await self._app(scope, receive, send)
            return
        messages = await _receive_all(receive)

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        async with self._lock:
            await self._app(scope, replay, send)


async def _receive_all(receive: Receive) -> list[Message]:
    """Return all messages of a request: a client that sends slowly would delay everybody else."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


class SerializeWritesPlugin(AirflowPlugin):
    """Put `SerializeWrites` before every application of the API server."""

    name = "isthmus_serialize_writes"
    fastapi_root_middlewares = [{"middleware": SerializeWrites, "name": "serialize writes"}]  # noqa: RUF012
