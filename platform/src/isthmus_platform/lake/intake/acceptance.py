"""Acceptance: staged files are copied into the lake and checked there.

The platform believes nothing that a runner's result says: it hashes the copies, counts their rows,
and checks their data against the contract. A refusal leaves no file behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import DataflowContract, File, Interval, Metrics, Table
from isthmus_contracts.protocol import RunRequest, RunResult, StagedFile, StagedOutput
from isthmus_contracts.rules import CheckResult
from isthmus_platform.errors import StagingError, TableContractError
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.intake.intermediates import intermediates_folder, save_intermediates
from isthmus_platform.lake.intake.result_validation import validate_result
from isthmus_platform.lake.intake.safe_copy import CopiedFile, safe_copy, scan
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.validation.checker import Checker
from isthmus_platform.storage.local_files import flush


def _ignore(_table: str, _warning: CheckResult) -> None:
    """Do nothing with a warning."""


def accept(
    dataflow: DataflowContract,
    request: RunRequest,
    result: RunResult,
    lake: Lake,
    on_warning: Callable[[str, CheckResult], None] = _ignore,
) -> Accepted:
    """Copy into the lake what a run staged for the targets of its request, and check it.

    `on_warning` gets the name of a table and each of its checks that warns, once all is accepted.

    Raise `ResultError`, `StagingError` or `TableContractError`, or `LakeUnavailableError`, for
    example for a full disk; no file is left in the lake then.
    """
    validate_result(dataflow, request, result)
    staging = Path(request.staging)
    _check_staging(staging, [file.path for output in result.outputs for file in output.files])
    with translated(lake), ExitStack() as refusal:
        copied = [
            _accept_output(dataflow, output, request, lake, refusal) for output in result.outputs
        ]
        refusal.pop_all()
    for output, warnings in copied:
        for warning in warnings:
            on_warning(output.name, warning)
    return Accepted(
        result.dataflow,
        result.contract_version,
        result.code_version,
        result.identity.run,
        tuple(output for output, _ in copied),
        tuple(
            f"table {output.name!r}: {warning.message}"
            for output, warnings in copied
            for warning in warnings
        ),
        request.interval,
    )


def accept_stage(
    dataflow: DataflowContract, request: RunRequest, result: RunResult, lake: Lake
) -> int:
    """Save what a stage staged for the next; return its bytes, or raise what `accept` does."""
    validate_result(dataflow, request, result)
    staging = Path(request.staging)
    _check_staging(staging, [file.path for file in result.checkpoints])
    with translated(lake):
        folder = intermediates_folder(
            lake, dataflow.identity, request.identity.run, request.interval
        )
        return save_intermediates(folder, staging, result.checkpoints)


def _check_staging(staging: Path, named: Sequence[str]) -> None:
    found, problems = scan(staging)
    times = Counter(named)
    missing = [f"{name!r} is not a file in it" for name in times if name not in found]
    duplicate = [f"{name!r} is named {n} times" for name, n in times.items() if n > 1]
    unnamed = [f"{name!r} is not named by any output" for name in sorted(found - times.keys())]
    problems = (*problems, *missing, *duplicate, *unnamed)
    if problems:
        raise StagingError(str(staging), problems)


def _accept_output(
    dataflow: DataflowContract,
    output: StagedOutput,
    request: RunRequest,
    lake: Lake,
    refusal: ExitStack,
) -> tuple[AcceptedOutput, Sequence[CheckResult]]:
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
        rows, warnings = _copy_and_check(contract, output.files, paths, request)
    files = (
        AcceptedFile(place.key, file.bytes, file.sha256, count, file.partition)
        for file, place, count in zip(output.files, places, rows, strict=True)
    )
    return AcceptedOutput(output.name, tuple(files)), warnings


def _copy_and_check(
    contract: Table | File, files: Sequence[StagedFile], paths: Sequence[Path], request: RunRequest
) -> tuple[Sequence[int | None], Sequence[CheckResult]]:
    """Copy and check the files; return the number of rows of each file of a table, and warnings.

    Copies are hashed and flushed to the disk meanwhile: flushing takes as long as the checks. A
    file with another digest than the result says is reported, whatever else is wrong with it.
    """
    staging = Path(request.staging)
    with ThreadPoolExecutor(1) as hashing, ThreadPoolExecutor(1) as flushing:
        copied = [
            safe_copy(staging, file.path, path, hashing)
            for file, path in zip(files, paths, strict=True)
        ]
        flushes = [flushing.submit(flush, path) for path in paths]
        try:
            if isinstance(contract, Table):
                return _count_rows(contract, files, paths, request.interval)
            return [None for _ in files], ()
        finally:
            _check_digests(staging, files, copied)
            for flushed in flushes:
                flushed.result()


def _check_digests(
    staging: Path, files: Sequence[StagedFile], copies: Sequence[Future[CopiedFile]]
) -> None:
    for file, copy in zip(files, copies, strict=True):
        copied = copy.result()
        if (copied.bytes, copied.sha256) != (file.bytes, file.sha256):
            problem = (
                f"{file.path!r} has {copied.bytes} bytes and digest {copied.sha256[:12]}; "
                f"the result says {file.bytes} and {file.sha256[:12]}"
            )
            raise StagingError(str(staging), [problem])


def _count_rows(
    table: Table, files: Sequence[StagedFile], paths: Sequence[Path], interval: Interval | None
) -> tuple[list[int], tuple[CheckResult, ...]]:
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
