"""How messages travel: each is a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import TypeVar

from isthmus_contracts.codec import deserialize, parse_json, serialize
from isthmus_contracts.errors import ProtocolError
from isthmus_contracts.protocol.messages import (
    Answer,
    Capabilities,
    CapabilitiesRequest,
    CheckFinished,
    CheckpointReused,
    CheckpointWritten,
    Graph,
    Message,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    OutputStaged,
    Request,
    RunFailure,
    RunRequest,
    RunResult,
)

M = TypeVar("M", bound=Message)

VERSION = 1
ACCEPTED: tuple[int, ...] = (1,)
"""The versions that this side reads and answers in: its own and, once there is one, the one before.

A field that a later version brings says so with `codec.since`.
"""

DATAFLOW_VARIABLE = "ISTHMUS_DATAFLOW"
"""Names, in a runner's environment, the dataflow that it will be asked for."""

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_REQUESTS: Mapping[str, type[Request]] = {
    "request": RunRequest,
    "capabilities_request": CapabilitiesRequest,
}
_ANSWERS: Mapping[str, type[Answer]] = {
    "graph": Graph,
    "node_started": NodeStarted,
    "node_finished": NodeFinished,
    "node_failed": NodeFailed,
    "check_finished": CheckFinished,
    "output_staged": OutputStaged,
    "checkpoint_written": CheckpointWritten,
    "checkpoint_reused": CheckpointReused,
    "result": RunResult,
    "failure": RunFailure,
    "capabilities": Capabilities,
}
_TAG_OF: Mapping[type[Message], str] = {
    message: tag for tags in (_REQUESTS, _ANSWERS) for tag, message in tags.items()
}


def encode(message: Message, version: int | None = None) -> str:
    """Return the message as a line without its end, in this side's version unless one is given.

    Raise `ProtocolError` for what the version cannot express.
    """
    version = VERSION if version is None else version
    quick = _quick_line(message, version)
    if quick is not None:
        return quick
    tag = _TAG_OF.get(type(message))
    if tag is None:
        raise TypeError(f"{message!r} is not a message")
    return _json({"protocol": version, "type": tag, **serialize(message, version)})


def _quick_line(message: Message, version: int) -> str | None:
    """Return the line of what is said of every node: there may be many thousands a second."""
    if isinstance(message, NodeStarted) and isfinite(message.at):
        return (
            f'{{"protocol":{version},"type":"node_started","at":{message.at!r},'
            f'"node":{_json(message.node)}}}'
        )
    if isinstance(message, NodeFinished) and isfinite(message.at) and isfinite(message.seconds):
        return (
            f'{{"protocol":{version},"type":"node_finished","at":{message.at!r},'
            f'"node":{_json(message.node)},"seconds":{message.seconds!r},'
            f'"rows":{_number(message.rows)},"columns":{_number(message.columns)},'
            f'"bytes":{_number(message.bytes)}}}'
        )
    return None


def _number(value: int | None) -> str:
    return "null" if value is None else f"{value:d}"


def answer_version(line: str) -> int:
    """Return the version in which to answer a line: its own if it is accepted, else this side's."""
    version = (_parsed(line) or {}).get("protocol")
    return version if type(version) is int and version in ACCEPTED else VERSION


def decode_request(line: str) -> Request:
    """Return the request on a line, or raise `ProtocolError`."""
    return _decode(line, _REQUESTS)


def decode_answer(line: str) -> Answer:
    """Return the event, result, failure or capabilities on a line, or raise `ProtocolError`."""
    return _decode(line, _ANSWERS)


def _decode(line: str, expected: Mapping[str, type[M]]) -> M:
    plain = _parsed(line)
    if plain is None:
        raise ProtocolError("message", f"not a JSON object: {line.strip()[:80]!r}")
    version = plain.pop("protocol", None)
    if type(version) is not int or version not in ACCEPTED:
        known = ", ".join(map(str, ACCEPTED))
        raise ProtocolError(
            "message.protocol",
            f"unknown version {version!r}; known: {known}; install contracts of neighbouring "
            "releases on both sides",
        )
    tag = plain.pop("type", None)
    message = expected.get(tag) if isinstance(tag, str) else None
    if message is None:
        known = ", ".join(map(repr, expected))
        raise ProtocolError("message.type", f"unexpected type {tag!r}; expected: {known}")
    return deserialize(message, plain, version=version)


def _parsed(line: str) -> dict[str, object] | None:
    try:
        plain = parse_json(line)
    except ValueError:
        return None
    return plain if isinstance(plain, dict) else None
