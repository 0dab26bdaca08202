"""How messages travel: each is a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite

from isthmus_contracts.codec import deserialize, parse_json, serialize
from isthmus_contracts.errors import ProtocolError
from isthmus_contracts.protocol.messages import (
    Answer,
    CheckFinished,
    CheckpointReused,
    CheckpointWritten,
    Graph,
    Message,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    OutputStaged,
    RunFailure,
    RunRequest,
    RunResult,
)

VERSION = 3  # it brought stages, and limits of what is kept
ACCEPTED = (2, 3)
"""The versions that this side reads: its own and the one before."""

DATAFLOW_VARIABLE = "ISTHMUS_DATAFLOW"
"""Names, in a runner's environment, the dataflow that it will be asked for."""

_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_TAGS: Mapping[str, type[Message]] = {
    "request": RunRequest,
    "graph": Graph,
    "node_started": NodeStarted,
    "node_finished": NodeFinished,
    "node_failed": NodeFailed,
    "quality": CheckFinished,
    "output_staged": OutputStaged,
    "checkpoint_written": CheckpointWritten,
    "checkpoint_reused": CheckpointReused,
    "result": RunResult,
    "failure": RunFailure,
}
_TAG_OF = {cls: tag for tag, cls in _TAGS.items()}


def encode(message: Message, version: int = VERSION) -> str:
    """Return the message as a line without end; raise `ProtocolError` for what a version lacks."""
    quick = _quick_line(message, version)
    if quick is not None:
        return quick
    tag = _TAG_OF.get(type(message))
    if tag is None:
        raise TypeError(f"{message!r} is no message")
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


def decode_request(line: str) -> RunRequest:
    """Return the request on a line, or raise `ProtocolError`."""
    message = _decode(line, ("request",))
    if not isinstance(message, RunRequest):
        raise TypeError(f"a request is no {type(message).__name__}")
    return message


def decode_answer(line: str) -> Answer:
    """Return the event, result or failure on a line, or raise `ProtocolError`."""
    message = _decode(line, tuple(tag for tag in _TAGS if tag != "request"))
    if isinstance(message, RunRequest):
        raise TypeError("an answer is no RunRequest")
    return message


def _decode(line: str, tags: tuple[str, ...]) -> Message:
    plain = _parsed(line)
    if plain is None:
        raise ProtocolError("message", f"not a JSON object: {line.strip()[:80]!r}")
    version = plain.pop("protocol", None)
    if type(version) is not int or version not in ACCEPTED:
        known = ", ".join(str(each) for each in ACCEPTED)
        raise ProtocolError(
            "message.protocol", f"version {version!r} is not spoken; known: {known}"
        )
    tag = plain.pop("type", None)
    if tag not in tags:
        listed = ", ".join(repr(each) for each in tags)
        raise ProtocolError("message.type", f"{tag!r} is not expected here; known: {listed}")
    return deserialize(_TAGS[tag], plain, version=version)


def _parsed(line: str) -> dict[str, object] | None:
    try:
        plain = parse_json(line)
    except ValueError:
        return None
    return plain if isinstance(plain, dict) else None
