"""What the platform and a runner say to each other.

A runner is a process. The platform writes one request as a line of JSON to its standard input and
keeps that open; when it closes, the platform is gone and the runner stops at once. The runner
writes answers as lines of JSON to its standard output, in the version of the protocol in which it
was asked. What it writes to standard error is log.

- A `RunRequest` is answered by events, and last by either one `RunResult`, with exit status 0, or
  one `RunFailure`, with another.
- A `CapabilitiesRequest` is answered by one `Capabilities`, with exit status 0, or one
  `RunFailure`, with another.

A runner may be started before the platform knows what to ask. Meanwhile it may load the dataflow
that the variable `DATAFLOW_VARIABLE` of its environment names; the request decides.

`messages` declares what is said, `bounds` how much, `wire` how it travels.
"""

from __future__ import annotations

from isthmus_contracts.protocol.bounds import (
    MAX_DEPENDENCIES,
    MAX_NAME,
    MAX_NODES,
    graph_problem,
)
from isthmus_contracts.protocol.messages import (
    Answer,
    Capabilities,
    CapabilitiesRequest,
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
    Request,
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
    "MAX_DEPENDENCIES",
    "MAX_NAME",
    "MAX_NODES",
    "VERSION",
    "Answer",
    "Capabilities",
    "CapabilitiesRequest",
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
    "Request",
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
    "graph_problem",
]
