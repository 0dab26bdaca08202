"""Comparing a runner's result with its request and the contract.

Nothing is read here: acceptance checks later whether files and data are as the result says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from isthmus_contracts import (
    DataflowContract,
    File,
    Interval,
    IntervalError,
    Metrics,
    Output,
    Partitioning,
    Table,
)
from isthmus_contracts.formatting import counted
from isthmus_contracts.protocol import RunIdentity, RunRequest, RunResult, StagedOutput
from isthmus_contracts.rules import metric_results
from isthmus_platform.errors import ResultError

_REVISION = re.compile(r"[0-9A-Za-z._-]{1,100}")


def validate_result(dataflow: DataflowContract, request: RunRequest, result: RunResult) -> None:
    """Raise `ResultError` if the result does not answer the request or breaks the contract."""
    problems = [
        *_identity_problems(request, result),
        *_output_problems(dataflow, request, result.outputs),
    ]
    if result.checkpoints and request.stop_at is None:
        found = counted(len(result.checkpoints), "intermediate")
        problems.append(f"it has {found}, and the request is not for a stage")
    if problems:
        raise ResultError(str(dataflow.identity), problems)


def _identity_problems(request: RunRequest, result: RunResult) -> Iterator[str]:
    if result.identity != request.identity:
        yield f"it answers {_who(result.identity)}; the request is for {_who(request.identity)}"
    if result.dataflow != request.dataflow:
        yield f"it is for dataflow {result.dataflow!r}; the request is for {request.dataflow!r}"
    if result.contract_version != request.contract_version:
        yield (
            f"it is for contract version {result.contract_version!r}; "
            f"the request is for {request.contract_version!r}"
        )

    if result.revision is not None and not _REVISION.fullmatch(result.revision):
        yield f"its revision is {result.revision!r}; expected letters, digits, '.', '_' and '-'"


def _who(identity: RunIdentity) -> str:
    return f"attempt {identity.attempt} of task {identity.task!r} of run {identity.run!r}"


def _output_problems(
    dataflow: DataflowContract, request: RunRequest, outputs: Iterable[StagedOutput]
) -> Iterator[str]:
    targets = request.targets if request.stop_at is None else ()
    times = Counter(output.name for output in outputs)
    for target in targets:
        if times[target] != 1:
            yield f"output {target!r} is named {times[target]} times instead of once"
    for output in outputs:
        if output.name not in targets:
            yield f"output {output.name!r} was not requested"
        else:
            yield from _form_problems(dataflow.output(output.name), output, request.interval)


def _form_problems(
    contract: Output, output: StagedOutput, interval: Interval | None
) -> Iterator[str]:
    if isinstance(contract, Metrics):
        if output.files:
            yield f"metrics {output.name!r} come with files"
        yield from _metric_problems(contract, output.metrics or {})
        return
    if output.metrics is not None:
        yield f"output {output.name!r} comes with metrics"
    if isinstance(contract, Table) and contract.partitioning is not None:
        yield from _partition_problems(contract.partitioning, output, interval)
        return
    if not output.files:
        yield f"output {output.name!r} has no file"
    for file in output.files:
        if file.partition is not None:
            yield f"{file.path!r} is of partition {file.partition!r}; the contract has none"
    if isinstance(contract, File):
        yield from _file_problems(contract, output)


def _file_problems(contract: File, output: StagedOutput) -> Iterator[str]:
    if len(output.files) > 1:
        yield f"file {output.name!r} consists of {len(output.files)} files instead of one"
    for file in output.files:
        if not file.path.endswith(contract.suffix):
            yield f"file {output.name!r} is {file.path!r}; the contract says {contract.suffix}"


def _partition_problems(
    partitioning: Partitioning, output: StagedOutput, interval: Interval | None
) -> Iterator[str]:
    known = partitioning.names(interval) if interval else None
    times = Counter(file.partition for file in output.files)
    for name, number in times.items():
        if name is None:
            yield f"table {output.name!r} has files of no partition"
            continue
        try:
            partitioning.interval(name)
        except IntervalError as error:
            yield f"table {output.name!r}: {error}"
            continue
        if number > 1:
            yield f"partition {name!r} of table {output.name!r} has {number} files instead of one"
        if known is not None and name not in known:
            yield f"table {output.name!r} has partition {name!r}; the run is for {interval}"


def _metric_problems(contract: Metrics, values: Mapping[str, float | None]) -> Iterator[str]:
    for result in metric_results(contract, values):
        if result.is_refusal:
            yield f"metrics {contract.name!r}: {result.message}"
