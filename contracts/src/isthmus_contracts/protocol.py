"""The messages between the platform and a runner, and how they travel.

A runner is a process. The platform writes one `RunRequest` as a line of JSON to its standard input
and keeps that open; when it closes, the platform is gone and the runner stops at once. The runner
writes events as lines of JSON to its standard output, and last either one `RunResult`, with exit
status 0, or one `RunFailure`, with another, all in the version of the protocol in which it was
asked. What it writes to standard error is log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from isthmus_contracts.codec import from_plain, parse_json, since, to_plain
from isthmus_contracts.errors import ProtocolError
from isthmus_contracts.params import ParamValue
from isthmus_contracts.partitions import Interval

VERSION = 2  # it brought intervals and partitions
ACCEPTED = (1, 2)
"""The versions that this side reads: its own and the one before."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Say which try of which task of which run asks."""

    run: str
    task: str
    try_number: int


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """Say on what the functions run; `options` are the engine's own."""

    name: str
    options: Mapping[str, ParamValue]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Ask a runner to compute targets of a dataflow.

    `dataflow` is the identity, such as `flight_delays.v1`; `targets` are names of outputs and
    checkpoints; `inputs` maps each input to local Parquet files; `spool` is the directory that
    staged files go to; `checkpoints` one that outlives the try, if the platform keeps one;
    `interval` is what the run is for, if it is not for everything.
    """

    identity: RunIdentity
    dataflow: str
    contract_version: str
    targets: tuple[str, ...]
    params: Mapping[str, ParamValue]
    inputs: Mapping[str, tuple[str, ...]]
    spool: str
    engine: EngineProfile
    checkpoints: str | None = None
    interval: Interval | None = field(default=None, metadata=since(2))


@dataclass(frozen=True, slots=True)
class GraphNode:
    """Describe one node; `file` is relative to the package that holds the function."""

    name: str
    kind: Literal["input", "param", "function"]
    type: str
    description: str
    dependencies: tuple[str, ...]
    target: str | None = None
    function: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """Announce the nodes that will run, in an order in which each follows its dependencies."""

    at: float
    nodes: tuple[GraphNode, ...]


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """Announce that a node runs; `at` is in seconds since 1970, here and in every event."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """Announce that a node ended well, after how long, with how large a result in memory."""

    at: float
    node: str
    seconds: float
    rows: int | None = None
    columns: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """Announce that a node raised; its exception travels in the `RunFailure`."""

    at: float
    node: str
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Quality:
    """Announce the verdict of one check, with a few keys of rows that broke it."""

    at: float
    subject: str
    check: str
    level: Literal["error", "warning"]
    passed: bool
    message: str
    broken: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputStaged:
    """Announce that an output lies complete in the spool."""

    at: float
    output: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointWritten:
    """Announce that a node's result was saved."""

    at: float
    node: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckpointReused:
    """Announce that a saved result took the place of computing a node."""

    at: float
    node: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Name a file in the spool by its path relative to it, with what the runner claims of it.

    Of a partitioned table, it is the one file with the rows of a `partition`.
    """

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    partition: str | None = field(default=None, metadata=since(2))


@dataclass(frozen=True, slots=True)
class StagedOutput:
    """Name the files of a table or file, or carry the numbers of metrics.

    A partitioned table has a file for each partition with rows, so it may have none.
    """

    name: str
    files: tuple[StagedFile, ...] = ()
    metrics: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """End a run that computed every target; it repeats whom it answers."""

    identity: RunIdentity
    dataflow: str
    contract_version: str
    code_version: str
    outputs: tuple[StagedOutput, ...]


@dataclass(frozen=True, slots=True)
class RunFailure:
    """End a run that did not.

    `kind` is `request` for a request that cannot be served (a param, an input), `dataflow` for an
    exception or an output that breaks the contract, `runner` for a fault of the runner itself.
    """

    kind: Literal["request", "dataflow", "runner"]
    message: str
    node: str | None = None
    function: str | None = None
    file: str | None = None
    line: int | None = None
    traceback: str | None = None


Event: TypeAlias = (
    Graph
    | NodeStarted
    | NodeFinished
    | NodeFailed
    | Quality
    | OutputStaged
    | CheckpointWritten
    | CheckpointReused
)
Answer: TypeAlias = Event | RunResult | RunFailure
Message: TypeAlias = RunRequest | Answer

_TAGS: Mapping[str, type[Message]] = {
    "request": RunRequest,
    "graph": Graph,
    "node_started": NodeStarted,
    "node_finished": NodeFinished,
    "node_failed": NodeFailed,
    "quality": Quality,
    "output_staged": OutputStaged,
    "checkpoint_written": CheckpointWritten,
    "checkpoint_reused": CheckpointReused,
    "result": RunResult,
    "failure": RunFailure,
}
_TAG_OF = {cls: tag for tag, cls in _TAGS.items()}


def encode(message: Message, version: int = VERSION) -> str:
    """Return the message as a line without end; raise `ProtocolError` for what a version lacks."""
    tag = _TAG_OF.get(type(message))
    if tag is None:
        raise TypeError(f"{message!r} is no message")
    line = {"protocol": version, "type": tag, **to_plain(message, version)}
    return json.dumps(line, separators=(",", ":"), allow_nan=False)


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
    return from_plain(_TAGS[tag], plain, version=version)


def _parsed(line: str) -> dict[str, object] | None:
    try:
        plain = parse_json(line)
    except ValueError:
        return None
    return plain if isinstance(plain, dict) else None
