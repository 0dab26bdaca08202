"""Acceptance: what a run staged is checked, and becomes files of the lake.

The platform believes nothing that a runner's result says: it hashes what it reads, counts rows, and
checks data against the contract. It copies files, and writes tables itself, as Parquet, from the
values that it checked. A refusal leaves no file behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from isthmus_contracts import DataflowContract, Metrics, Table
from isthmus_contracts.protocol import RunRequest, RunResult, StagedFile, StagedOutput
from isthmus_contracts.rules import CheckResult
from isthmus_platform.errors import StagingError, TableContractError
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.acceptance_record import record_accepted
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.intake.intermediates import intermediates_folder, save_intermediates
from isthmus_platform.lake.intake.result_validation import validate_result
from isthmus_platform.lake.intake.safe_copy import FileDigest, open_staged, safe_copy, scan
from isthmus_platform.lake.intake.table_encoder import EncoderError, TableEncoder
from isthmus_platform.lake.layout import Lake


def _ignore(_table: str, _warning: CheckResult) -> None:
    """Do nothing with a warning."""


def accept(  # noqa: PLR0913, PLR0917 - the last has a default
    dataflow: DataflowContract,
    request: RunRequest,
    result: RunResult,
    lake: Lake,
    encoder: TableEncoder,
    on_warning: Callable[[str, CheckResult], None] = _ignore,
    *,
    pins: str = "",
) -> Accepted:
    """Take into the lake what a run staged for the targets of its request, and check it.

    Files are copied; the `encoder` writes tables. `on_warning` gets the name of a table and each of
    its checks that warns, once all is accepted. `pins` is the id of the pins that the request was
    made from.

    Raise `ResultError`, `StagingError` or `TableContractError`, or `LakeUnavailableError`, for
    example for a full disk; no file is left in the lake then.
    """
    validate_result(dataflow, request, result)
    staging = Path(request.staging)
    _check_staging(staging, [file.path for output in result.outputs for file in output.files])
    with translated(lake), _refused(staging), ExitStack() as refusal:
        accepted = [
            _accept_output(dataflow, output, request, lake, encoder, refusal)
            for output in result.outputs
        ]
        whole = _whole(request, result, accepted, pins)
        record_accepted(lake, dataflow.identity, request.identity.run, whole)
        refusal.pop_all()
    for output, warnings in accepted:
        for warning in warnings:
            on_warning(output.name, warning)
    return whole


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


def _whole(
    request: RunRequest,
    result: RunResult,
    outputs: Sequence[tuple[AcceptedOutput, Sequence[CheckResult]]],
    pins: str,
) -> Accepted:
    return Accepted(
        result.dataflow,
        result.contract_version,
        result.code_version,
        result.identity.run,
        tuple(output for output, _ in outputs),
        tuple(
            f"table {output.name!r}: {warning.message}"
            for output, warnings in outputs
            for warning in warnings
        ),
        request.interval,
        attempts=(uuid4().hex,),
        pins=pins,
        revision=result.revision,
    )


def _check_staging(staging: Path, named: Sequence[str]) -> None:
    found, problems = scan(staging)
    times = Counter(named)
    missing = [f"{name!r} is not a file in it" for name in times if name not in found]
    duplicate = [f"{name!r} is named {n} times" for name, n in times.items() if n > 1]
    unnamed = [f"{name!r} is not named by any output" for name in sorted(found - times.keys())]
    problems = (*problems, *missing, *duplicate, *unnamed)
    if problems:
        raise StagingError(str(staging), problems)


def _accept_output(  # noqa: PLR0913, PLR0917 - from where, to where, and by whom
    dataflow: DataflowContract,
    output: StagedOutput,
    request: RunRequest,
    lake: Lake,
    encoder: TableEncoder,
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
    warnings: Sequence[CheckResult] = ()
    with ExitStack() as writing:
        paths = [writing.enter_context(place.writing()) for place in places]
        if isinstance(contract, Table):
            found, warnings = _encode_table(contract, output.files, paths, request, encoder)
        else:
            found = [
                (_copy_file(Path(request.staging), file, path), None)
                for file, path in zip(output.files, paths, strict=True)
            ]
    files = (
        AcceptedFile(place.key, digest.bytes, digest.sha256, rows, file.partition)
        for file, place, (digest, rows) in zip(output.files, places, found, strict=True)
    )
    return AcceptedOutput(output.name, tuple(files)), warnings


def _copy_file(staging: Path, file: StagedFile, path: Path) -> FileDigest:
    with ThreadPoolExecutor(1) as hashing:
        copied = safe_copy(staging, file.path, path, hashing, file.bytes)
    _check_digest(staging, file, copied.result())
    return copied.result()


def _encode_table(
    table: Table,
    files: Sequence[StagedFile],
    paths: Sequence[Path],
    request: RunRequest,
    encoder: TableEncoder,
) -> tuple[list[tuple[FileDigest, int | None]], Sequence[CheckResult]]:
    """Write staged files as Parquet; return what each path holds, with its rows, and warnings.

    A file with another digest than the result says is reported, whatever else is wrong with it.
    """
    staging, interval = Path(request.staging), request.interval
    expected = table.partitioning.names(interval) if table.partitioning and interval else ()
    encoder.begin(table, expected)
    encoded = []
    for file, path in zip(files, paths, strict=True):
        with (
            open_staged(staging, file.path, file.bytes) as staged,
            path.open("xb") as target,
        ):
            encoded.append(encoder.add(staged, target, file.partition))
        _check_digest(staging, file, encoded[-1].staged)
    report = encoder.finish()
    problems = report.problems or [
        f"table {table.name!r}: {file.path!r} has {found.rows} rows; the result says {file.rows}"
        for file, found in zip(files, encoded, strict=True)
        if file.rows not in (None, found.rows)
    ]
    if problems:
        raise TableContractError(table.name, problems)
    return [(found.written, found.rows) for found in encoded], report.warnings


@contextmanager
def _refused(staging: Path) -> Iterator[None]:
    """Turn the end of an encoder into a refusal of what it was to encode."""
    try:
        yield
    except EncoderError as error:
        raise StagingError(str(staging), [str(error)]) from error


def _check_digest(staging: Path, file: StagedFile, found: FileDigest) -> None:
    if (found.bytes, found.sha256) != (file.bytes, file.sha256):
        problem = (
            f"{file.path!r} has {found.bytes} bytes and digest {found.sha256[:12]}; "
            f"the result says {file.bytes} and {file.sha256[:12]}"
        )
        raise StagingError(str(staging), [problem])
