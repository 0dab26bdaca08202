"""Answers a request of the platform: from its line to events and a result, or a failure."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from types import MappingProxyType

from isthmus_contracts import ContractError, Output, ProtocolError, Table
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.protocol import (
    Answer,
    Capabilities,
    CapabilitiesRequest,
    OutputStaged,
    RunFailure,
    RunRequest,
    RunResult,
    StagedOutput,
    decode_request,
    wire,
)
from isthmus_transforms.errors import (
    ContractVersionError,
    EngineError,
    ImportFailedError,
    InputError,
    NodeError,
    UserError,
    WorkerError,
)
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.checkpoints.store import (
    DEFAULT_QUOTA,
    CheckpointStore,
    open_store,
)
from isthmus_transforms.runtime.code_location import code_version, revision
from isthmus_transforms.runtime.dataflow import Dataflow
from isthmus_transforms.runtime.engines import available_engines
from isthmus_transforms.runtime.staging import stage

_STATUS = {"dataflow": 1, "request": 2, "runner": 3}
_LIBRARIES = ("apache-hamilton", "pandas", "pyarrow")
_NOTHING: Mapping[str, Exception] = MappingProxyType({})


def _ignore() -> None:
    """Do nothing."""


def preload(name: str | None) -> Mapping[str, Exception]:
    """Load the dataflow that the request will name; return its error by name if that failed."""
    if name is None:
        return _NOTHING
    code_version(), revision()  # known now: the files may be replaced before the request comes
    try:
        load_dataflow(name)
    except Exception as error:  # noqa: BLE001 - the request is answered with it
        return {name: error}
    return _NOTHING


def serve(
    line: str,
    send: Callable[[Answer], None],
    on_loaded: Callable[[], None] = _ignore,
    failed: Mapping[str, Exception] = _NOTHING,
) -> int:
    """Answer the request on `line`; return 0, or another status after a failure.

    `on_loaded` is called when everything is imported. A dataflow in `failed` is not loaded again:
    half of its modules are loaded, so it would fail for another reason, or not at all.
    """
    try:
        request = decode_request(line)
        if isinstance(request, CapabilitiesRequest):
            send(capabilities())
            return 0
        dataflow = _load(request.dataflow, failed)
        on_loaded()
        send(_result(request, dataflow, send))
    except Exception as error:  # noqa: BLE001 - the platform receives it as a failure
        failure = _failure(error)
        send(failure)
        return _STATUS[failure.kind]
    return 0


def capabilities() -> Capabilities:
    """Return what this runner can do; every dataflow of the catalog is loaded to find it out."""
    dataflows: dict[str, str] = {}
    broken: dict[str, str] = {}
    for contract in CATALOG.dataflows:
        name = str(contract.identity)
        try:
            dataflows[name] = load_dataflow(name).contract.version
        except Exception as error:  # noqa: BLE001 - the platform is told why it cannot run
            broken[name] = f"{type(error).__name__}: {error}"
    libraries = {"python": ".".join(map(str, sys.version_info[:3]))}
    libraries |= {library: version_of(library) for library in _LIBRARIES}
    return Capabilities(
        wire.ACCEPTED, code_version(), dataflows, broken, available_engines(), libraries
    )


def _load(name: str, failed: Mapping[str, Exception]) -> Dataflow:
    if name in failed:
        raise failed[name]
    return load_dataflow(name)


def _result(request: RunRequest, dataflow: Dataflow, send: Callable[[Answer], None]) -> RunResult:
    version = dataflow.contract.version
    if request.contract_version != version:
        raise ContractVersionError(request.dataflow, request.contract_version, version)
    outputs = {name: dataflow.contract.output(name) for name in request.targets}
    plan = dataflow.plan(request.targets, request.params, request.interval, request.stop_at)
    checkpoints = _checkpoint_store(request)
    inputs = {
        name: dataflow.open_input(name, [Path(file) for file in files], request.interval)
        for name, files in request.inputs.items()
    }
    head = (request.identity, request.dataflow, version, code_version())
    if request.stop_at is not None:
        if checkpoints is None:
            raise ProtocolError(
                "RunRequest.checkpoints", f"a stage that stops at {request.stop_at!r} needs it"
            )
        results = plan.compute_stage(inputs, send, request.engine, checkpoints)
        staged_results = results.stage(plan.stage_outputs, Path(request.staging))
        return RunResult(*head, (), staged_results, revision())
    values = plan.compute(inputs, send, request.engine, checkpoints, send_graph=True)
    staged, staging = [], Path(request.staging)
    for name, output in outputs.items():
        staged.append(stage(output, values.pop(name), staging, request.interval, send))
        send(_output_staged(output, staged[-1]))
    return RunResult(*head, tuple(staged), revision=revision())


def _checkpoint_store(request: RunRequest) -> CheckpointStore | None:
    if request.checkpoints is None:
        return None
    intermediates = tuple(Path(intermediate) for intermediate in request.intermediates)
    return open_store(
        Path(request.checkpoints), request.checkpoint_quota or DEFAULT_QUOTA, intermediates
    )


def _output_staged(output: Output, staged: StagedOutput) -> OutputStaged:
    rows = sum(file.rows or 0 for file in staged.files) if isinstance(output, Table) else None
    return OutputStaged(time.time(), staged.name, sum(file.bytes for file in staged.files), rows)


def _failure(error: Exception) -> RunFailure:
    if isinstance(error, NodeError):
        return RunFailure(
            "dataflow",
            f"{error.problem}{error.given_clause}",
            error.node,
            error.function,
            error.file,
            error.line,
            error.traceback,
        )
    if isinstance(error, ContractError | ContractVersionError | EngineError | InputError):
        return RunFailure("request", str(error))
    if isinstance(error, ImportFailedError):
        return RunFailure(
            "dataflow", str(error), file=error.file, line=error.line, traceback=error.traceback
        )
    if isinstance(error, UserError):
        return RunFailure("dataflow", str(error))
    if isinstance(error, WorkerError):
        return RunFailure("runner", str(error), error.node)
    text = "".join(traceback.format_exception(error))
    return RunFailure("runner", f"{type(error).__name__}: {error}", traceback=text)
