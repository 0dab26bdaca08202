"""Acceptance: what a runner staged becomes the platform's own, once it has been checked here.

Nothing that the result says is believed: files are hashed and counted after they have left the
spool, data are checked against the contract, and on a refusal nothing stays behind.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import Dataflow, File, Metrics, Output, Table
from isthmus_contracts.protocol import RunIdentity, RunRequest, RunResult, StagedFile, StagedOutput
from isthmus_platform.errors import ResultError, SpoolError, TableContractError
from isthmus_platform.lake.checks import Checker
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.takeover import survey, take_over
from isthmus_platform.lake.trouble import usable


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """Name a file that lies in the lake, by its path relative to the root; rows are a table's."""

    path: str
    bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class AcceptedOutput:
    """Hold the files of a table or file, or the numbers of metrics."""

    name: str
    files: tuple[AcceptedFile, ...] = ()
    metrics: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Hold what one run of a dataflow may publish; it travels between tasks as plain JSON."""

    dataflow: str
    contract_version: str
    code_version: str
    run: str
    outputs: tuple[AcceptedOutput, ...]
    warnings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return a digest of the outputs' content; order and places do not count."""
        content = {
            each.name: {
                "files": sorted([file.sha256, file.bytes, file.rows or 0] for file in each.files),
                "metrics": each.metrics and dict(each.metrics),
            }
            for each in self.outputs
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def accept(dataflow: Dataflow, request: RunRequest, result: RunResult, lake: Lake) -> Accepted:
    """Take over what a run staged for the targets of its request, which are outputs.

    Raise `ResultError`, `SpoolError` or `TableContractError`, or `LakeUnavailableError` for a disk
    that is full, say; no file is left in the lake then.
    """
    problems = [
        *_identity_problems(request, result),
        *_output_problems(dataflow, request.targets, result.outputs),
    ]
    if problems:
        raise ResultError(str(dataflow.identity), problems)
    spool = Path(request.spool)
    _check_spool(spool, [file.path for output in result.outputs for file in output.files])
    with usable(lake), ExitStack() as refusal:
        taken = [_accept_output(dataflow, each, spool, lake, refusal) for each in result.outputs]
        refusal.pop_all()
    return Accepted(
        result.dataflow,
        result.contract_version,
        result.code_version,
        result.identity.run,
        tuple(output for output, _ in taken),
        tuple(warning for _, warnings in taken for warning in warnings),
    )


def _identity_problems(request: RunRequest, result: RunResult) -> Iterator[str]:
    if result.identity != request.identity:
        yield f"it answers {_who(result.identity)}; {_who(request.identity)} was asked"
    if result.dataflow != request.dataflow:
        yield f"it is for dataflow {result.dataflow!r}; {request.dataflow!r} was asked"
    if result.contract_version != request.contract_version:
        yield (
            f"it is for contract version {result.contract_version!r}; "
            f"{request.contract_version!r} was asked"
        )


def _who(identity: RunIdentity) -> str:
    return f"try {identity.try_number} of task {identity.task!r} of run {identity.run!r}"


def _output_problems(
    dataflow: Dataflow, targets: Sequence[str], outputs: Iterable[StagedOutput]
) -> Iterator[str]:
    times = Counter(each.name for each in outputs)
    for target in targets:
        if times[target] != 1:
            yield f"output {target!r} is named {times[target]} times instead of once"
    for each in outputs:
        if each.name not in targets:
            yield f"output {each.name!r} was not asked for"
        else:
            yield from _form_problems(dataflow.output(each.name), each)


def _form_problems(contract: Output, output: StagedOutput) -> Iterator[str]:
    if isinstance(contract, Metrics):
        if output.files:
            yield f"metrics {output.name!r} come with files"
        yield from _metric_problems(contract, output.metrics or {})
        return
    if output.metrics is not None:
        yield f"output {output.name!r} comes with metrics"
    if not output.files:
        yield f"output {output.name!r} has no file"
    if isinstance(contract, File):
        if len(output.files) > 1:
            yield f"file {output.name!r} consists of {len(output.files)} files instead of one"
        for file in output.files:
            if not file.path.endswith(contract.suffix):
                yield f"file {output.name!r} is {file.path!r}; the contract says {contract.suffix}"


def _metric_problems(contract: Metrics, values: Mapping[str, float]) -> Iterator[str]:
    known = {each.name: each for each in contract.metrics}
    for name in values:
        if name not in known:
            yield f"metric {name!r} of {contract.name!r} is not in the contract"
    for name, metric in known.items():
        value = values.get(name)
        head = f"metric {name!r} of {contract.name!r} is"
        if value is None:
            yield f"{head} missing"
        elif not math.isfinite(value):
            yield f"{head} {value}, which is no number"
        elif metric.minimum is not None and value < metric.minimum:
            yield f"{head} {value}; the contract says at least {metric.minimum:g}"
        elif metric.maximum is not None and value > metric.maximum:
            yield f"{head} {value}; the contract says at most {metric.maximum:g}"


def _check_spool(spool: Path, named: Sequence[str]) -> None:
    found, problems = survey(spool)
    times = Counter(named)
    missing = [f"{name!r} is no file in it" for name in times if name not in found]
    twice = [f"{name!r} is named {n} times" for name, n in times.items() if n > 1]
    strays = [f"{name!r} is named by no output" for name in sorted(found - times.keys())]
    problems = (*problems, *missing, *twice, *strays)
    if problems:
        raise SpoolError(str(spool), problems)


def _accept_output(
    dataflow: Dataflow, output: StagedOutput, spool: Path, lake: Lake, refusal: ExitStack
) -> tuple[AcceptedOutput, Sequence[str]]:
    contract = dataflow.output(output.name)
    if isinstance(contract, Metrics):
        return AcceptedOutput(output.name, metrics=output.metrics), ()
    if isinstance(contract, Table):
        directory, suffix = lake.table(dataflow.identity, output.name), ".parquet"
    else:
        directory, suffix = lake.files(dataflow.identity, output.name), contract.suffix
    places = [directory / f"{uuid4().hex}{suffix}" for _ in output.files]
    rows: Sequence[int | None] = [None]
    warnings: Sequence[str] = ()
    for place in places:
        refusal.callback(place.remove)
    with ExitStack() as writing:
        paths = [writing.enter_context(each.writing()) for each in places]
        for file, path in zip(output.files, paths, strict=True):
            _take(file, spool, path)
        if isinstance(contract, Table):
            rows, warnings = _count_rows(contract, output.files, paths)
    files = (
        AcceptedFile(place.key, file.bytes, file.sha256, count)
        for file, place, count in zip(output.files, places, rows, strict=True)
    )
    return AcceptedOutput(output.name, tuple(files)), warnings


def _take(file: StagedFile, spool: Path, path: Path) -> None:
    taken = take_over(spool, file.path, path)
    if (taken.bytes, taken.sha256) != (file.bytes, file.sha256):
        problem = (
            f"{file.path!r} has {taken.bytes} bytes and digest {taken.sha256[:12]}; "
            f"the result says {file.bytes} and {file.sha256[:12]}"
        )
        raise SpoolError(str(spool), [problem])


def _count_rows(
    table: Table, files: Sequence[StagedFile], paths: Sequence[Path]
) -> tuple[list[int], tuple[str, ...]]:
    checker = Checker(table)
    rows = [checker.add_file(path) for path in paths]
    checker.finish()
    problems = [
        f"table {table.name!r}: {file.path!r} has {count} rows; the result says {file.rows}"
        for file, count in zip(files, rows, strict=True)
        if file.rows not in (None, count)
    ]
    if problems:
        raise TableContractError(table.name, problems)
    return rows, checker.warnings()
