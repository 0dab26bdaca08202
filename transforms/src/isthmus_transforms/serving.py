"""Serving a request of the platform: from its line to events and a result, or a failure."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd

from isthmus_contracts import ContractError, Output, Table, UnknownNameError
from isthmus_contracts.protocol import (
    Answer,
    OutputStaged,
    RunFailure,
    RunRequest,
    RunResult,
    StagedOutput,
    decode_request,
)
from isthmus_transforms.errors import ContractVersionError, InputError, NodeError, UserError
from isthmus_transforms.loading import load_dataflow
from isthmus_transforms.runtime.dataflow import Dataflow
from isthmus_transforms.runtime.inputs import read_input
from isthmus_transforms.runtime.outputs import stage
from isthmus_transforms.runtime.source import code_version

ENGINES = ("sequential",)
_STATUS = {"dataflow": 1, "request": 2, "runner": 3}


def serve(line: str, send: Callable[[Answer], None]) -> int:
    """Answer the request on `line`; return 0 after a result, another status after a failure."""
    try:
        send(_fulfil(decode_request(line), send))
    except Exception as error:  # noqa: BLE001 - whatever it is, the platform is told
        failure = _failure(error)
        send(failure)
        return _STATUS[failure.kind]
    return 0


def _fulfil(request: RunRequest, send: Callable[[Answer], None]) -> RunResult:
    dataflow = load_dataflow(request.dataflow)
    version = dataflow.contract.version
    if request.contract_version != version:
        raise ContractVersionError(request.dataflow, request.contract_version, version)
    if request.engine.name not in ENGINES:
        raise UnknownNameError("engine", request.engine.name, ENGINES)
    if request.interval is not None:
        dataflow.contract.check_interval(request.interval)
    outputs = {name: dataflow.contract.output(name) for name in request.targets}
    graph = dataflow.describe(request.params, request.targets)
    frames = _read_inputs(request, dataflow, {node.name for node in graph.nodes})
    send(graph)
    values = dataflow.compute(request.targets, frames, request.params, send, request.interval)
    del frames
    staged = []
    for name, output in outputs.items():
        staged.append(stage(output, values.pop(name), Path(request.spool), request.interval))
        send(_announcement(output, staged[-1]))
    return RunResult(
        request.identity,
        request.dataflow,
        version,
        code_version(),
        tuple(staged),
    )


def _read_inputs(
    request: RunRequest, dataflow: Dataflow, needed: Collection[str]
) -> dict[str, pd.DataFrame]:
    contracts = {each.name: each for each in dataflow.contract.inputs}
    for name in request.inputs:
        if name not in contracts:
            raise UnknownNameError("input", name, contracts)
    frames = {}
    for name, contract in contracts.items():
        if name not in needed:
            continue
        if name not in request.inputs:
            raise InputError(name, "the request does not give it")
        files = [Path(file) for file in request.inputs[name]]
        frames[name] = read_input(contract, files, request.interval)
    return frames


def _announcement(output: Output, staged: StagedOutput) -> OutputStaged:
    rows = sum(file.rows or 0 for file in staged.files) if isinstance(output, Table) else None
    return OutputStaged(time.time(), staged.name, sum(file.bytes for file in staged.files), rows)


def _failure(error: Exception) -> RunFailure:
    if isinstance(error, NodeError):
        return RunFailure(
            "dataflow",
            error.problem,
            error.node,
            error.function,
            error.file,
            error.line,
            authors_traceback(error),
        )
    if isinstance(error, ContractError | ContractVersionError | InputError):
        return RunFailure("request", str(error))
    if isinstance(error, UserError):
        return RunFailure("dataflow", str(error))
    text = "".join(traceback.format_exception(error))
    return RunFailure("runner", f"{type(error).__name__}: {error}", traceback=text)


def authors_traceback(error: NodeError) -> str:
    """Return the traceback of what the function raised, without the runtime's own frames."""
    cause = error.__cause__ or error
    frames = cause.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.endswith(error.file):
        frames = frames.tb_next
    return "".join(traceback.format_exception(cause.with_traceback(frames)))
