from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from isthmus_platform.local_airflow.plugins.serialize_writes import SerializeWrites

Message = dict[str, Any]  # as ASGI has it
Receive = Callable[[], Awaitable[Any]]

POST = {"type": "http", "method": "POST"}
END: Message = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def client(*messages: Message, lasting: bool = False) -> Receive:
    """Return what sends these and then is gone, or, `lasting`, says nothing more."""
    left = [*messages]

    async def receive() -> Message:
        if not left and lasting:
            await asyncio.Event().wait()
        return left.pop(0) if left else END

    return receive


async def nowhere(_message: object) -> None:
    """Send to nobody."""


def test_a_client_that_sends_slowly_delays_nobody() -> None:
    received: list[Message] = []

    async def app(_scope: object, receive: Receive, _send: object) -> None:
        received.append(await receive())

    async def both() -> None:
        writer = SerializeWrites(app)
        unfinished = client(piece(b"a", more=True), lasting=True)
        slow = asyncio.create_task(writer(POST, unfinished, nowhere))
        await asyncio.sleep(0)
        await asyncio.wait_for(writer(POST, client(piece(b"b")), nowhere), 5)
        slow.cancel()

    asyncio.run(both())
    assert received == [piece(b"b")]


@pytest.mark.parametrize(
    "messages",
    [
        (piece(b""),),
        (piece(b"a", more=True), piece(b"b", more=True), piece(b"c")),
        (piece(b"a", more=True), END),
        (END,),
    ],
)
def test_a_request_arrives_as_it_was_sent(messages: tuple[Message, ...]) -> None:
    received: list[Message] = []

    async def app(_scope: object, receive: Receive, _send: object) -> None:
        received.extend([await receive() for _ in range(len(messages) + 1)])

    asyncio.run(SerializeWrites(app)(POST, client(*messages), nowhere))
    assert received == [*messages, END]


def test_writing_requests_are_serialized_also_after_an_error() -> None:
    inside: list[int] = []

    async def app(_scope: object, _receive: object, _send: object) -> None:
        inside.append(1)
        await asyncio.sleep(0)
        alone = len(inside) == 1
        inside.clear()
        raise ValueError(alone)

    async def several() -> list[BaseException | None]:
        writer = SerializeWrites(app)
        calls = [writer(POST, client(piece(b"")), nowhere) for _ in range(5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [str(error) for error in asyncio.run(several())] == ["True"] * 5
