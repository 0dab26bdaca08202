"""The second task of a run: have a runner compute the outputs, then accept what it staged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from isthmus_contracts import Identity
from isthmus_contracts.protocol import (
    Answer,
    CheckFinished,
    CheckpointQuota,
    CheckpointWritten,
    EngineProfile,
    RunFailure,
    RunRequest,
    RunResult,
)
from isthmus_contracts.rules import CheckResult
from isthmus_platform.deployment import DeployedDataflow
from isthmus_platform.errors import PlatformError, RunFailedError, RunRefusedError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.intake.acceptance import accept, accept_stage
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.encoder_process import EncoderProcess
from isthmus_platform.lake.intake.intermediates import intermediates_folder, intermediates_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.pipeline.checkpoint_sync import SyncedCheckpoints, sync_checkpoints
from isthmus_platform.pipeline.context import RunContext
from isthmus_platform.pipeline.event_log import format_event, format_failure
from isthmus_platform.runners import RunnerProcess, launch_runner
from isthmus_platform.runners.launch import user_of
from isthmus_platform.runners.limits import MEGABYTE
from isthmus_platform.runners.workspace import workspace
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins
from isthmus_platform.runs.record import Recorder

PinsSource = Callable[[], Pins]


def transform(
    dataflow: DeployedDataflow, lake: Lake, run: RunContext, pins: PinsSource
) -> Accepted:
    """Compute every output in a runner, and return what was accepted.

    The runner starts before `pins` is called, so it loads the functions while inputs are pinned.
    Raise `RunFailedError` if a function raised, `RunRefusedError` if the runner refused the
    request, and what `accept` raises for staged files that break the contract.
    """
    with _computed(dataflow, lake, run, pins) as staged:

        def on_warning(table: str, warning: CheckResult) -> None:
            run.log.warning("table %r: %s", table, warning.message)
            staged.recorder.record(CheckFinished(time.time(), table, warning.bounded()))

        start = time.perf_counter()
        memory = dataflow.settings.acceptance_memory_megabytes * MEGABYTE
        with EncoderProcess(memory, staged.directory) as encoder:
            accepted = accept(
                dataflow.contract,
                staged.request,
                staged.result,
                lake,
                encoder,
                on_warning,
                pins=staged.pins,
            )
        seconds = time.perf_counter() - start
        run.log.info("accepted %s outputs in %.2f s", len(staged.request.targets), seconds)
        return accepted


def transform_stage(
    dataflow: DeployedDataflow, lake: Lake, run: RunContext, pins: PinsSource
) -> None:
    """Compute a stage that is not the last, and save its intermediates for the next stage.

    Raise what `transform` raises.
    """
    with _computed(dataflow, lake, run, pins) as staged:
        size = accept_stage(dataflow.contract, staged.request, staged.result, lake)
        count = len(staged.result.checkpoints)
        run.log.info("saved %s intermediates, %s bytes", count, f"{size:,}")


@dataclass(frozen=True, slots=True)
class _Staged:
    """Hold a request, the runner's result, a directory of the platform's, and the record.

    `pins` is the id of the pins that the request was made from.
    """

    request: RunRequest
    pins: str
    result: RunResult
    directory: Path
    recorder: Recorder


@contextmanager
def _computed(
    dataflow: DeployedDataflow,
    lake: Lake,
    run: RunContext,
    pins: PinsSource,
) -> Iterator[_Staged]:
    """Have a runner compute; its staging directory exists until the context ends."""
    contract = dataflow.contract
    record = RunRecord(Path(dataflow.deployment.runs.root), contract.identity, run.run)
    attempt = record.attempt(run.task, run.attempt)
    with (
        workspace(attempt, user_of(dataflow.runner)) as directories,
        attempt.recording() as recorder,
    ):
        process = launch_runner(
            dataflow.runner,
            str(contract.identity),
            directories.staging,
            directories.scratch,
            dataflow.settings.memory_megabytes,
            inputs=_input_folders(dataflow, lake),
            engine=dataflow.settings.engine,
        )
        if process.warning:
            run.log.warning("%s", process.warning)
        run.cancellation.on_request(process.stop)
        with closing(process):
            process.start(lambda line: run.log.info("runner: %s", line))
            pinned = pins()
            request = _request(dataflow, lake, run, pinned, directories.staging)
            with _checkpoint_sync(dataflow, lake, run, request) as sync:
                result = _run(process, request, run, recorder, sync)
        yield _Staged(request, pinned.id, result, attempt.work, recorder)


def _input_folders(dataflow: DeployedDataflow, lake: Lake) -> list[Path]:
    """Return where the tables that the contract reads are, and the dataflow's intermediates."""
    folders = [
        lake.table(declared.source, declared.name)
        if isinstance(declared.source, Identity)
        else lake.source(declared.source, declared.name)
        for declared in dataflow.contract.inputs
    ]
    if dataflow.settings.checkpoints:
        folders.append(lake.checkpoints(dataflow.contract.identity))
    with translated(lake):
        return list(dict.fromkeys(folder.local_folder() for folder in folders))


def _request(
    dataflow: DeployedDataflow,
    lake: Lake,
    run: RunContext,
    pins: Pins,
    staging: Path,
) -> RunRequest:
    contract, settings = dataflow.contract, dataflow.settings
    quota = CheckpointQuota(settings.checkpoint_megabytes, settings.checkpoint_days)
    with translated(lake):
        inputs = {
            name: tuple(str(file.local()) for file in files_of(lake.path(pin.table), pin.version))
            for name, pin in pins.inputs.items()
        }
        folder = intermediates_folder(lake, contract.identity, run.run, pins.interval)
        intermediates = intermediates_of(folder) if settings.checkpoints else ()
    # A runner writes its checkpoints and trusts them, so they are in its home.
    checkpoints = Path(dataflow.runner.home) / _checkpoint_path(contract.identity)
    return RunRequest(
        identity=run.identity,
        dataflow=str(contract.identity),
        contract_version=contract.version,
        targets=tuple(output.name for output in contract.outputs),
        params=pins.params,
        inputs=inputs,
        staging=str(staging),
        engine=EngineProfile(settings.engine, settings.engine_options),
        checkpoints=str(checkpoints) if settings.checkpoints else None,
        interval=pins.interval,
        stop_at=dataflow.stop_at,
        intermediates=intermediates,
        checkpoint_quota=quota if settings.checkpoints else None,
    )


def _checkpoint_sync(
    dataflow: DeployedDataflow, lake: Lake, run: RunContext, request: RunRequest
) -> AbstractContextManager[Callable[[str], None]]:
    """Copy checkpoints into a lake in a bucket; a lake on a disk serves this host only."""
    quota = request.checkpoint_quota
    if quota is None or not dataflow.deployment.lake.is_bucket:
        return nullcontext(lambda _name: None)
    identity = dataflow.contract.identity
    folder = intermediates_folder(lake, identity, run.run, request.interval)
    home = Path(dataflow.runner.home).resolve()
    synced = SyncedCheckpoints(home, _checkpoint_path(identity), quota.megabytes * MEGABYTE)
    return sync_checkpoints(
        lake, folder, synced, run.log.warning, lambda: run.cancellation.requested
    )


def _run(
    process: RunnerProcess,
    request: RunRequest,
    run: RunContext,
    recorder: Recorder,
    sync: Callable[[str], None],
) -> RunResult:
    def on_answer(answer: Answer) -> None:
        recorder.record(answer)
        if (line := format_event(answer)) is not None:
            run.log.log(line[0], "%s", line[1])
        if isinstance(answer, CheckpointWritten) and answer.file is not None:
            sync(answer.file)

    end = process.run(request, on_answer)
    if isinstance(end, RunFailure):
        if end.traceback:
            run.log.error("%s", end.traceback)
        raise _error_of(end)
    return end


def _error_of(failure: RunFailure) -> PlatformError:
    """Return the error of a runner's failure; only what may succeed next time is retried."""
    message = format_failure(failure)
    if failure.message.startswith("PermissionError"):
        message += "; docs/security.md lists what a runner may reach, and how to allow more"
    if failure.kind == "request" or (failure.kind == "dataflow" and failure.node is None):
        return RunRefusedError(message)
    return RunFailedError(message)


def _checkpoint_path(dataflow: Identity) -> str:
    """Return the path of a dataflow's checkpoints in the home of a runner."""
    return f"checkpoints/{dataflow}"
