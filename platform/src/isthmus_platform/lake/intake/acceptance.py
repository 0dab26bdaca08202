"""Acceptance: what a runner staged becomes the platform's own, once it has been checked here.

Nothing that the result says is believed: files are hashed and counted after they have left the
staging, data are checked against the contract, and on a refusal nothing stays behind.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import (
    DataflowContract,
    File,
    Interval,
    Metrics,
    Table,
)
from isthmus_contracts.codec import serialize
from isthmus_contracts.protocol import RunRequest, RunResult, StagedFile, StagedOutput
from isthmus_platform.errors import PublicationError, StagingError, TableContractError
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.intermediates import intermediates_folder, save_intermediates
from isthmus_platform.lake.intake.result_validation import validate_result
from isthmus_platform.lake.intake.safe_copy import CopiedFile, safe_copy, scan
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.validation.checker import Checker
from isthmus_platform.storage.local_files import flush


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """Name a file that lies in the lake, by its path relative to the root.

    Rows are a table's, and so is the partition that all of them belong to.
    """

    path: str
    bytes: int
    sha256: str
    rows: int | None = None
    partition: str | None = None


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
    interval: Interval | None = None

    def output(self, name: str) -> AcceptedOutput:
        """Return the output of that name, or raise `KeyError`."""
        return {output.name: output for output in self.outputs}[name]

    @property
    def digest(self) -> str:
        """Return a digest of the outputs' content; order and places do not count."""
        content = {
            output.name: {
                "files": sorted(
                    [file.sha256, file.bytes, file.rows or 0, file.partition or ""]
                    for file in output.files
                ),
                "metrics": output.metrics and dict(output.metrics),
            }
            for output in self.outputs
        }
        words = json.dumps([content, serialize(self.interval)], sort_keys=True)
        return hashlib.sha256(words.encode()).hexdigest()


def accept(
    dataflow: DataflowContract, request: RunRequest, result: RunResult, lake: Lake
) -> Accepted:
    """Take over what a run staged for the targets of its request, which are outputs.

    Raise `ResultError`, `StagingError` or `TableContractError`, or `LakeUnavailableError` for a
    disk that is full, say; no file is left in the lake then.
    """
    validate_result(dataflow, request, result)
    staging = Path(request.staging)
    _check_staging(staging, [file.path for output in result.outputs for file in output.files])
    with translated(lake), ExitStack() as refusal:
        copied = [
            _accept_output(dataflow, output, request, lake, refusal) for output in result.outputs
        ]
        refusal.pop_all()
    return Accepted(
        result.dataflow,
        result.contract_version,
        result.code_version,
        result.identity.run,
        tuple(output for output, _ in copied),
        tuple(warning for _, warnings in copied for warning in warnings),
        request.interval,
    )


def accept_stage(
    dataflow: DataflowContract, request: RunRequest, result: RunResult, lake: Lake
) -> int:
    """Take over what a stage has staged for the next; return the bytes of it, or raise as above."""
    validate_result(dataflow, request, result)
    staging = Path(request.staging)
    _check_staging(staging, [file.path for file in result.checkpoints])
    with translated(lake):
        folder = intermediates_folder(
            lake, dataflow.identity, request.identity.run, request.interval
        )
        return save_intermediates(folder, staging, result.checkpoints)


def join(parts: Sequence[Accepted], interval: Interval | None) -> Accepted:
    """Return as one what a run's tasks have accepted, each for a part of its interval.

    Raise `PublicationError` if the parts are not exactly the interval, or not of one run, contract
    and code.
    """
    first, *others = sorted(parts, key=_start)
    if not others and first.interval == interval:
        return first
    makers = {(part.run, part.contract_version, part.code_version) for part in parts}
    if len(makers) != 1:
        versions = ", ".join(sorted({part.code_version for part in parts}))
        raise PublicationError(
            first.dataflow,
            f"its parts were computed by different code ({versions}); clear the whole run",
        )
    spans = [other.interval for other in (first, *others)]
    if interval is None or _hull(spans) != interval:
        shown = ", ".join(str(each) for each in spans)
        asked = interval or "everything"
        raise PublicationError(first.dataflow, f"its parts are {shown}; the run is for {asked}")
    outputs = tuple(
        AcceptedOutput(
            output.name,
            tuple(file for part in parts for file in part.output(output.name).files),
        )
        for output in first.outputs
    )
    warnings = tuple(dict.fromkeys(warning for part in parts for warning in part.warnings))
    return replace(first, outputs=outputs, warnings=warnings, interval=interval)


def _start(part: Accepted) -> date:
    return part.interval.start if part.interval else date.min


def _hull(spans: Sequence[Interval | None]) -> Interval | None:
    """Return the interval that these follow each other through, or None if there is none."""
    known = [interval for interval in spans if interval is not None]
    follows = all(each.end == after.start for each, after in pairwise(known))
    if len(known) < len(spans) or not known or not follows:
        return None
    return Interval(known[0].start, known[-1].end)


def _check_staging(staging: Path, named: Sequence[str]) -> None:
    found, problems = scan(staging)
    times = Counter(named)
    missing = [f"{name!r} is no file in it" for name in times if name not in found]
    twice = [f"{name!r} is named {n} times" for name, n in times.items() if n > 1]
    strays = [f"{name!r} is named by no output" for name in sorted(found - times.keys())]
    problems = (*problems, *missing, *twice, *strays)
    if problems:
        raise StagingError(str(staging), problems)


def _accept_output(
    dataflow: DataflowContract,
    output: StagedOutput,
    request: RunRequest,
    lake: Lake,
    refusal: ExitStack,
) -> tuple[AcceptedOutput, Sequence[str]]:
    contract = dataflow.output(output.name)
    if isinstance(contract, Metrics):
        return AcceptedOutput(output.name, metrics=output.metrics), ()
    if isinstance(contract, Table):
        directory, suffix = lake.table(dataflow.identity, output.name), ".parquet"
    else:
        directory, suffix = lake.files(dataflow.identity, output.name), contract.suffix
    places = [directory / f"{uuid4().hex}{suffix}" for _ in output.files]
    for place in places:
        refusal.callback(place.remove)
    with ExitStack() as writing:
        paths = [writing.enter_context(place.writing()) for place in places]
        rows, warnings = _take_in(contract, output.files, paths, request)
    files = (
        AcceptedFile(place.key, file.bytes, file.sha256, count, file.partition)
        for file, place, count in zip(output.files, places, rows, strict=True)
    )
    return AcceptedOutput(output.name, tuple(files)), warnings


def _take_in(
    contract: Table | File, files: Sequence[StagedFile], paths: Sequence[Path], request: RunRequest
) -> tuple[Sequence[int | None], Sequence[str]]:
    """Copy and check the files; return how many rows each has, if it is a table's, and warnings.

    Hashing goes on beside all of it. That a file is not what the result says is told, whatever else
    is wrong with it. What the lake ends, begins here: the way to the disk takes as long as checks.
    """
    staging = Path(request.staging)
    with ThreadPoolExecutor(1) as hashing, ThreadPoolExecutor(1) as flushing:
        copied = [
            safe_copy(staging, file.path, path, hashing)
            for file, path in zip(files, paths, strict=True)
        ]
        flushed = [flushing.submit(flush, path) for path in paths]
        try:
            if isinstance(contract, Table):
                return _count_rows(contract, files, paths, request.interval)
            return [None for _ in files], ()
        finally:
            _check_sums(staging, files, copied)
            for each in flushed:
                each.result()


def _check_sums(
    staging: Path, files: Sequence[StagedFile], found: Sequence[Future[CopiedFile]]
) -> None:
    for file, each in zip(files, found, strict=True):
        copied = each.result()
        if (copied.bytes, copied.sha256) != (file.bytes, file.sha256):
            problem = (
                f"{file.path!r} has {copied.bytes} bytes and digest {copied.sha256[:12]}; "
                f"the result says {file.bytes} and {file.sha256[:12]}"
            )
            raise StagingError(str(staging), [problem])


def _count_rows(
    table: Table, files: Sequence[StagedFile], paths: Sequence[Path], interval: Interval | None
) -> tuple[list[int], tuple[str, ...]]:
    expected = table.partitioning.names(interval) if table.partitioning and interval else ()
    checker = Checker(table, expected)
    rows = [checker.add_file(path, file.partition) for path, file in zip(paths, files, strict=True)]
    checker.finish()
    problems = [
        f"table {table.name!r}: {file.path!r} has {count} rows; the result says {file.rows}"
        for file, count in zip(files, rows, strict=True)
        if file.rows not in (None, count)
    ]
    if problems:
        raise TableContractError(table.name, problems)
    return rows, checker.warnings()
