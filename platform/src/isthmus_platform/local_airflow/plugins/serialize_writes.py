"""Let the API server of an embedded Airflow write one thing at a time, as SQLite does anyway.

Airflow 3.3.2 logs who asked for what on its event loop, and waits there for SQLite's lock. If
another request has the lock, its end needs the event loop: both wait until SQLite gives up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = ("GET", "HEAD", "OPTIONS")


class SerializeWrites:
    """Hold a request that may write, once it is there whole, until the one before was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass on whatever is none."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        messages = await _whole(receive)

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        async with self._lock:
            await self._app(scope, again, send)


async def _whole(receive: Receive) -> list[Message]:
    """Return a request's messages to its last: who sends slowly would hold up everybody."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


class SerializeWritesPlugin(AirflowPlugin):
    """Put `SerializeWrites` before every application of the API server."""

    name = "isthmus_serialize_writes"
    fastapi_root_middlewares = [{"middleware": SerializeWrites, "name": "one writer"}]  # noqa: RUF012
