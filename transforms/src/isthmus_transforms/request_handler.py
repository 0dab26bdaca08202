"""Serving a request of the platform: from its line to its answers."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version as version_of
from pathlib import Path
from types import MappingProxyType

from isthmus_contracts import ContractError, Output, ProtocolError, Table, UnknownNameError
from isthmus_contracts.catalog import CATALOG
from isthmus_contracts.protocol import (
    ACCEPTED,
    Answer,
    Capabilities,
    CapabilitiesRequest,
    OutputStaged,
    RunFailure,
    RunRequest,
    RunResult,
    StagedOutput,
    decode_request,
)
from isthmus_transforms.errors import (
    ContractVersionError,
    EngineError,
    InputError,
    NodeError,
    UserError,
    WorkerError,
)
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.checkpoints import digest_of_input
from isthmus_transforms.runtime.checkpoints.planning import LIMITS, CheckpointConfig, LazyInput
from isthmus_transforms.runtime.code_location import code_version
from isthmus_transforms.runtime.dataflow import Dataflow
from isthmus_transforms.runtime.engines import available_engines
from isthmus_transforms.runtime.frames.inputs import read_input
from isthmus_transforms.runtime.staging import stage

_STATUS = {"dataflow": 1, "request": 2, "runner": 3}
_LIBRARIES = ("apache-hamilton", "pandas", "pyarrow")
_NOTHING: Mapping[str, Exception] = MappingProxyType({})


def _ignore() -> None:
    """Do nothing."""


def load_ahead(name: str | None) -> Mapping[str, Exception]:
    """Load the dataflow that the request will ask for; return why it failed, by name, if it did."""
    if name is None:
        return _NOTHING
    code_version()  # of the code that is loaded, which may have been replaced when it is asked
    try:
        load_dataflow(name)
    except Exception as error:  # noqa: BLE001 - whatever it is, who asks is told
        return {name: error}
    return _NOTHING


def serve(
    line: str,
    send: Callable[[Answer], None],
    loaded: Callable[[], None] = _ignore,
    failed: Mapping[str, Exception] = _NOTHING,
) -> int:
    """Answer the request on `line`; return 0, or another status after a failure.

    `loaded` is called once everything is imported. What has `failed` to load is not loaded again:
    half of it is there, so it would fail for another reason, or not at all.
    """
    try:
        request = decode_request(line)
        if isinstance(request, CapabilitiesRequest):
            send(capabilities())
            return 0
        dataflow = _loaded(request.dataflow, failed)
        loaded()
        send(_fulfil(request, dataflow, send))
    except Exception as error:  # noqa: BLE001 - whatever it is, the platform is told
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
        except Exception as error:  # noqa: BLE001 - whatever it is, who asks is told
            broken[name] = f"{type(error).__name__}: {error}"
    libraries = {"python": ".".join(map(str, sys.version_info[:3]))}
    libraries |= {library: version_of(library) for library in _LIBRARIES}
    return Capabilities(ACCEPTED, code_version(), dataflows, broken, available_engines(), libraries)


def _loaded(name: str, failed: Mapping[str, Exception]) -> Dataflow:
    if name in failed:
        raise failed[name]
    return load_dataflow(name)


def _fulfil(request: RunRequest, dataflow: Dataflow, send: Callable[[Answer], None]) -> RunResult:
    version = dataflow.contract.version
    if request.contract_version != version:
        raise ContractVersionError(request.dataflow, request.contract_version, version)
    outputs = {name: dataflow.contract.output(name) for name in request.targets}
    plan = dataflow.plan(request.targets, request.params, request.interval, request.stop_at)
    keeping = _keeping(request)
    inputs = _inputs(request, dataflow)
    head = (request.identity, request.dataflow, version, code_version())
    if request.stop_at is not None:
        if keeping is None:
            raise ProtocolError(
                "RunRequest.checkpoints", f"a stage until {request.stop_at!r} needs it"
            )
        kept = plan.compute_stage(inputs, send, request.engine, keeping)
        return RunResult(*head, (), kept.stage(plan.stage_outputs, Path(request.staging)))
    values = plan.compute(inputs, send, request.engine, keeping, announce=True)
    staged, staging = [], Path(request.staging)
    for name, output in outputs.items():
        staged.append(stage(output, values.pop(name), staging, request.interval, send))
        send(_announcement(output, staged[-1]))
    return RunResult(*head, tuple(staged))


def _keeping(request: RunRequest) -> CheckpointConfig | None:
    if request.checkpoints is None:
        return None
    intermediates = tuple(Path(intermediate) for intermediate in request.intermediates)
    return CheckpointConfig(
        Path(request.checkpoints), request.checkpoint_quota or LIMITS, intermediates
    )


def _inputs(request: RunRequest, dataflow: Dataflow) -> dict[str, LazyInput]:
    contracts = {table_input.name: table_input for table_input in dataflow.contract.inputs}
    readings = {}
    for name, files in request.inputs.items():
        if name not in contracts:
            raise UnknownNameError("input", name, contracts)
        given = (contracts[name], [Path(file) for file in files], request.interval)
        readings[name] = LazyInput(partial(read_input, *given), partial(digest_of_input, *given))
    return readings


def _announcement(output: Output, staged: StagedOutput) -> OutputStaged:
    rows = sum(file.rows or 0 for file in staged.files) if isinstance(output, Table) else None
    return OutputStaged(time.time(), staged.name, sum(file.bytes for file in staged.files), rows)


def _failure(error: Exception) -> RunFailure:
    if isinstance(error, NodeError):
        return RunFailure(
            "dataflow",
            f"{error.problem}{error.told_given}",
            error.node,
            error.function,
            error.file,
            error.line,
            error.traceback,
        )
    if isinstance(error, ContractError | ContractVersionError | EngineError | InputError):
        return RunFailure("request", str(error))
    if isinstance(error, UserError):
        return RunFailure("dataflow", str(error))
    if isinstance(error, WorkerError):
        return RunFailure("runner", str(error), error.node)
    text = "".join(traceback.format_exception(error))
    return RunFailure("runner", f"{type(error).__name__}: {error}", traceback=text)
