"""What the platform and a runner say to each other.

A runner is a process. The platform writes one `RunRequest` as a line of JSON to its standard input
and keeps that open; when it closes, the platform is gone and the runner stops at once. The runner
writes events as lines of JSON to its standard output, and last either one `RunResult`, with exit
status 0, or one `RunFailure`, with another, all in the version of the protocol in which it was
asked. What it writes to standard error is log.

It may be started before the platform knows what to ask. Meanwhile it may load the dataflow that the
variable `DATAFLOW_VARIABLE` of its environment names; the request decides.
"""

from __future__ import annotations

from isthmus_contracts.protocol.messages import (
    Answer,
    CheckFinished,
    CheckpointQuota,
    CheckpointReused,
    CheckpointWritten,
    EngineProfile,
    Event,
    Graph,
    GraphNode,
    Message,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    OutputStaged,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_contracts.protocol.wire import (
    ACCEPTED,
    DATAFLOW_VARIABLE,
    VERSION,
    answer_version,
    decode_answer,
    decode_request,
    encode,
)

__all__ = [
    "ACCEPTED",
    "DATAFLOW_VARIABLE",
    "VERSION",
    "Answer",
    "CheckFinished",
    "CheckpointQuota",
    "CheckpointReused",
    "CheckpointWritten",
    "EngineProfile",
    "Event",
    "Graph",
    "GraphNode",
    "Message",
    "NodeFailed",
    "NodeFinished",
    "NodeStarted",
    "OutputStaged",
    "RunFailure",
    "RunIdentity",
    "RunRequest",
    "RunResult",
    "StagedFile",
    "StagedOutput",
    "answer_version",
    "decode_answer",
    "decode_request",
    "encode",
]
