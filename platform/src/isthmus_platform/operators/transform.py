"""The second task, or tasks: have a runner compute the outputs, then accept what it staged."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from isthmus_contracts import Identity
from isthmus_contracts.codec import deserialize, serialize
from isthmus_contracts.protocol import (
    Answer,
    CheckFinished,
    CheckpointQuota,
    CheckpointWritten,
    EngineProfile,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
)
from isthmus_platform.deployment import Deployment, load_deployment
from isthmus_platform.deployment.settings import Settings
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.xcom import pins_from
from isthmus_platform.pipeline.event_log import format_event, format_failure
from isthmus_platform.runs.pins import Pins
from isthmus_platform.runs.record import Recorder

if TYPE_CHECKING:
    from isthmus_platform.lake.intake.accepted import Accepted
    from isthmus_platform.lake.layout import Lake
    from isthmus_platform.runners import RunnerProcess


class TransformOperator(DataflowOperator):
    """Run the dataflow's functions in a process of their own; return what was accepted.

    The run's pins are those that the task `pins_from` returned, or `pins`, over which it is mapped.
    With `stop_at`, it computes one stage, and hands its results on to the tasks after it.
    """

    template_fields = ("pins",)  # so that Airflow resolves what it is mapped over

    def __init__(
        self,
        *,
        pins_from: str | None = None,
        pins: object = None,
        stop_at: str | None = None,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.pins_from = pins_from
        self.pins = pins
        self.stop_at = stop_at
        self._process: RunnerProcess | None = None
        self._stopped = False

    def execute(self, context: Context) -> dict[str, object] | None:
        """Have a runner compute, and accept its result; a stage returns nothing."""
        with self.errors_reported():
            accepted = self.compute(context, lambda: self._pins(context))
        return None if accepted is None else serialize(accepted)

    def compute(self, context: Context, pins: Callable[[], Pins]) -> Accepted | None:
        """Start the runner, turn its events into log lines, and accept its result.

        It loads the dataflow's functions while `pins` says what it will read.
        """
        from isthmus_platform.runners import launch_runner

        deployment = load_deployment()
        settings = self._settings(deployment)
        lake = self.lake(deployment)
        identity = _identity(context)
        record = self.record(deployment, identity.run)
        attempt = record.attempt(identity.task, identity.attempt)
        with attempt.workspace() as workspace, attempt.recording() as recorder:
            process = self._process = launch_runner(
                deployment.runners[settings.runner],
                str(self.contract.identity),
                workspace.staging,
                workspace.scratch,
                settings.memory_megabytes,
            )
            with closing(process):
                process.start(lambda line: self.log.info("runner: %s", line))
                request = self._request(deployment, lake, pins(), identity, workspace.staging)
                with self._checkpoint_sync(deployment, lake, request) as sync:
                    result = self._run(process, request, recorder, sync)
            return self._accepted(request, result, lake, recorder)

    def _accepted(
        self, request: RunRequest, result: RunResult, lake: Lake, recorder: Recorder
    ) -> Accepted | None:
        from isthmus_platform.lake.intake.acceptance import accept, accept_stage

        if self.stop_at is not None:
            size = accept_stage(self.contract, request, result, lake)
            self.log.info("handed on %s results, %s bytes", len(result.checkpoints), f"{size:,}")
            return None
        start = time.perf_counter()
        accepted = accept(self.contract, request, result, lake)
        seconds = time.perf_counter() - start
        for warning in accepted.warnings:
            self._warn(warning, recorder)
        self.log.info("accepted %s outputs in %.2f s", len(request.targets), seconds)
        return accepted

    def _warn(self, warning: str, recorder: Recorder) -> None:
        """Log what acceptance found unusual, and keep it with what the runner said."""
        self.log.warning("%s", warning)
        subject = self.contract.name
        recorder.keep(CheckFinished(time.time(), subject, "acceptance", "warning", False, warning))

    def on_kill(self) -> None:
        """Stop the runner when Airflow says so; nothing else ends `execute`."""
        self._stopped = True
        if self._process is not None:
            self._process.stop()

    def _settings(self, deployment: Deployment) -> Settings:
        return deployment.settings(self.contract).of_stage(self.stop_at)

    def _pins(self, context: Context) -> Pins:
        if self.pins_from is not None:
            return pins_from(context, self.pins_from)
        return deserialize(Pins, self.pins, "pins")

    def _request(
        self,
        deployment: Deployment,
        lake: Lake,
        pins: Pins,
        identity: RunIdentity,
        staging: Path,
    ) -> RunRequest:
        from isthmus_platform.lake.delta.tables import files_of
        from isthmus_platform.lake.errors import translated
        from isthmus_platform.lake.intake.intermediates import (
            intermediates_folder,
            intermediates_of,
        )

        settings = self._settings(deployment)
        dataflow = self.contract.identity
        home = Path(deployment.runners[settings.runner].home)
        limits = CheckpointQuota(settings.checkpoint_megabytes, settings.checkpoint_days)
        with translated(lake):
            inputs = {
                name: tuple(
                    str(file.local()) for file in files_of(lake.path(pin.table), pin.version)
                )
                for name, pin in pins.inputs.items()
            }
            folder = intermediates_folder(lake, dataflow, identity.run, pins.interval)
            intermediates = intermediates_of(folder) if settings.checkpoints else ()
        return RunRequest(
            identity=identity,
            dataflow=str(dataflow),
            contract_version=self.contract.version,
            targets=tuple(output.name for output in self.contract.outputs),
            params=pins.params,
            inputs=inputs,
            staging=str(staging),
            engine=EngineProfile(settings.engine, settings.engine_options),
            # The runner's to write and to believe, so it lies in its home.
            checkpoints=str(home / _kept_below(dataflow)) if settings.checkpoints else None,
            interval=pins.interval,
            stop_at=self.stop_at,
            intermediates=intermediates,
            checkpoint_quota=limits if settings.checkpoints else None,
        )

    def _checkpoint_sync(
        self, deployment: Deployment, lake: Lake, request: RunRequest
    ) -> AbstractContextManager[Callable[[str], None]]:
        """Copy what is kept to where other hosts find it; a lake on a disk is this host's own."""
        from isthmus_platform.lake.intake.intermediates import intermediates_folder
        from isthmus_platform.pipeline.checkpoint_sync import SyncedCheckpoints, sync_checkpoints
        from isthmus_platform.runners.limits import MEGABYTE

        limits = request.checkpoint_quota
        if limits is None or not deployment.lake.is_bucket:
            return nullcontext(lambda _name: None)
        dataflow = self.contract.identity
        folder = intermediates_folder(lake, dataflow, request.identity.run, request.interval)
        home = Path(deployment.runners[self._settings(deployment).runner].home)
        kept = SyncedCheckpoints(home.resolve(), _kept_below(dataflow), limits.megabytes * MEGABYTE)
        return sync_checkpoints(lake, folder, kept, self.log.warning, lambda: self._stopped)

    def _run(
        self,
        process: RunnerProcess,
        request: RunRequest,
        recorder: Recorder,
        sync: Callable[[str], None],
    ) -> RunResult:
        def hear(answer: Answer) -> None:
            recorder.keep(answer)
            if (line := format_event(answer)) is not None:
                self.log.log(line[0], "%s", line[1])
            if isinstance(answer, CheckpointWritten) and answer.file is not None:
                sync(answer.file)

        end = process.run(request, hear)
        if isinstance(end, RunFailure):
            raise self._failed(end)
        return end

    def _failed(self, failure: RunFailure) -> AirflowException:
        """Log the runner's own words; only what may go better next time is tried again."""
        message = format_failure(failure)
        if failure.traceback:
            self.log.error("%s", failure.traceback)
        self.log.error("%s", message)
        if failure.kind == "request" or (failure.kind == "dataflow" and failure.node is None):
            return AirflowFailException(message)
        return AirflowException(message)


def _kept_below(dataflow: Identity) -> str:
    """Return where in a runner's home it keeps the results of a dataflow."""
    return f"checkpoints/{dataflow}"


def _identity(context: Context) -> RunIdentity:
    """Say which try this is; each of a mapped task's instances is a task of its own."""
    instance = context["ti"]
    index = instance.map_index
    task = instance.task_id if index is None or index < 0 else f"{instance.task_id}[{index}]"
    return RunIdentity(str(context["run_id"]), task, int(instance.try_number))
