"""The messages between the platform and a runner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from isthmus_contracts.params import Param, ParamValue, PlainValue
from isthmus_contracts.partitions import Interval
from isthmus_contracts.rules import CheckResult


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Say which attempt of which task of which run sends the request."""

    run: str
    task: str
    attempt: int


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """Say on what the functions run; `options` are the engine's own."""

    name: str
    options: Mapping[str, PlainValue]


@dataclass(frozen=True, slots=True)
class CheckpointQuota:
    """Limit the checkpoints: their total size, and their age since the last use."""

    megabytes: int
    days: float


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Ask a runner to compute targets of a dataflow.

    `dataflow` is the identity, such as `flight_delays.v1`; `targets` are names of outputs and
    checkpoints; `inputs` maps each input to local Parquet files; `staging` is the directory that
    staged files go to; `checkpoints` one that outlives the attempt, if the platform keeps one,
    within `checkpoint_quota`; `interval` is what the run is for, if it is not for everything.

    With `stop_at`, a checkpoint or output, the request is for one stage: compute what that needs,
    and instead of the targets stage the results that the targets need of it. `intermediates` are
    local files of such results, and of others that earlier tasks of the run have saved: they
    save work, and the runner verifies them.
    """

    identity: RunIdentity
    dataflow: str
    contract_version: str
    targets: tuple[str, ...]
    params: Mapping[str, ParamValue]
    inputs: Mapping[str, tuple[str, ...]]
    staging: str
    engine: EngineProfile
    checkpoints: str | None = None
    interval: Interval | None = None
    stop_at: str | None = None
    intermediates: tuple[str, ...] = ()
    checkpoint_quota: CheckpointQuota | None = None


@dataclass(frozen=True, slots=True)
class CapabilitiesRequest:
    """Ask a runner for its `Capabilities`; nothing is computed."""


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
class CheckFinished:
    """Report the result of one check; `subject` is an input, an output or a node."""

    at: float
    subject: str
    result: CheckResult


@dataclass(frozen=True, slots=True)
class OutputStaged:
    """Announce that an output lies complete in the staging."""

    at: float
    output: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class CheckpointWritten:
    """Announce that a node's result was saved, in which file of the checkpoint directory."""

    at: float
    node: str
    bytes: int
    seconds: float
    file: str | None = None


@dataclass(frozen=True, slots=True)
class CheckpointReused:
    """Announce that a saved result took the place of computing a node."""

    at: float
    node: str
    seconds: float


@dataclass(frozen=True, slots=True)
class StagedFile:
    """Name a file by its path in the staging directory, with what the runner claims of it.

    A file of a table is an Arrow IPC stream: uncompressed, without dictionaries and extension
    types, ended by its end-of-stream marker. Its columns are the contract's, in any order, of the
    Arrow types of their contract's types; a string may be a `large_string`. The platform reads a
    batch as a whole, so batches are small: at most 32 MiB, or one row. Of a partitioned table, it
    is the one file with the rows of a `partition`.
    """

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    partition: str | None = None


@dataclass(frozen=True, slots=True)
class StagedOutput:
    """Name the files of a table or file, or carry the numbers of metrics; an undefined one is None.

    A partitioned table has a file for each partition with rows, so it may have none.
    """

    name: str
    files: tuple[StagedFile, ...] = ()
    metrics: Mapping[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """End a run that computed every target, or a stage; it repeats whom it answers.

    A stage has no outputs, and `checkpoints` instead: only the runner knows what they hold.
    `revision` is the git commit of the code, with `-dirty` if not all of the tree was committed;
    None where that is not known.
    """

    identity: RunIdentity
    dataflow: str
    contract_version: str
    code_version: str
    outputs: tuple[StagedOutput, ...]
    checkpoints: tuple[StagedFile, ...] = ()
    revision: str | None = None


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


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Answer a `CapabilitiesRequest`: what a runner can do.

    `dataflows` maps each identity, such as `flight_delays.v1`, to the version of its contract;
    `broken_dataflows` maps the identity of each that cannot be loaded to the reason. `engines`
    maps the name of each engine to its options. `libraries` maps `python` and the libraries that
    compute to their versions.
    """

    protocol_versions: tuple[int, ...]
    code_version: str
    dataflows: Mapping[str, str]
    broken_dataflows: Mapping[str, str]
    engines: Mapping[str, tuple[Param, ...]]
    libraries: Mapping[str, str]


Event: TypeAlias = (
    Graph
    | NodeStarted
    | NodeFinished
    | NodeFailed
    | CheckFinished
    | OutputStaged
    | CheckpointWritten
    | CheckpointReused
)
Request: TypeAlias = RunRequest | CapabilitiesRequest
Answer: TypeAlias = Event | RunResult | RunFailure | Capabilities
Message: TypeAlias = Request | Answer
