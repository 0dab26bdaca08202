"""The second task: have a runner compute the outputs, then accept what it staged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from isthmus_contracts.codec import from_plain, to_plain
from isthmus_contracts.protocol import (
    Answer,
    CheckpointReused,
    CheckpointWritten,
    EngineProfile,
    Graph,
    NodeFailed,
    NodeFinished,
    OutputStaged,
    Quality,
    RunFailure,
    RunIdentity,
    RunRequest,
    RunResult,
)
from isthmus_platform.deployment import Deployment, Settings, load_deployment
from isthmus_platform.errors import RunnerError
from isthmus_platform.operators.dataflow import DataflowOperator
from isthmus_platform.operators.handover import pins_from
from isthmus_platform.runs.pins import Pins
from isthmus_platform.runs.record import Recorder

if TYPE_CHECKING:
    from isthmus_platform.runners import RunnerProcess

_MOST_EXAMPLES = 5


class TransformOperator(DataflowOperator):
    """Run the dataflow's functions in a process of their own; return what was accepted.

    The run's pins are those that the task `pins_from` returned, or `pins`, over which it is mapped.
    """

    template_fields = ("pins",)  # so that Airflow resolves what it is mapped over

    def __init__(
        self,
        *,
        pins_from: str | None = None,
        pins: object = None,
        **kwargs: Any,  # Airflow's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.pins_from = pins_from
        self.pins = pins
        self._process: RunnerProcess | None = None

    def execute(self, context: Context) -> dict[str, object]:
        """Start the runner, turn its events into log lines, and accept its result."""
        from isthmus_platform.lake.acceptance import accept
        from isthmus_platform.runners import prepared_runner

        with self.mistakes_told():
            deployment = load_deployment()
            settings = deployment.settings(self.contract)
            pins = self._pins(context)
            identity = _identity(context)
            record = self.record(deployment, identity.run)
            this_try = record.try_of(identity.task, identity.try_number)
            with this_try.workspace() as workspace, this_try.recording() as recorder:
                request = self._request(deployment, settings, pins, identity, workspace.spool)
                runner = deployment.runners[settings.runner]
                process = prepared_runner(runner, request, workspace.scratch)
                result = self._run(process, request, recorder)
                start = time.perf_counter()
                accepted = accept(self.contract, request, result, self.lake(deployment))
                seconds = time.perf_counter() - start
                for warning in accepted.warnings:
                    self._warn(warning, recorder)
        self.log.info("accepted %s outputs in %.2f s", len(request.targets), seconds)
        return to_plain(accepted)

    def _warn(self, warning: str, recorder: Recorder) -> None:
        """Log what acceptance found unusual, and keep it with what the runner said."""
        self.log.warning("%s", warning)
        subject = self.contract.name
        recorder.keep(Quality(time.time(), subject, "acceptance", "warning", False, warning))

    def on_kill(self) -> None:
        """Stop the runner when Airflow says so; nothing else ends `execute`."""
        if self._process is not None:
            self._process.stop()

    def _pins(self, context: Context) -> Pins:
        if self.pins_from is not None:
            return pins_from(context, self.pins_from)
        return from_plain(Pins, self.pins, "pins")

    def _request(
        self,
        deployment: Deployment,
        settings: Settings,
        pins: Pins,
        identity: RunIdentity,
        spool: Path,
    ) -> RunRequest:
        from isthmus_platform.lake.tables import files_of
        from isthmus_platform.lake.trouble import usable

        lake = self.lake(deployment)
        with usable(lake):
            inputs = {
                name: tuple(
                    str(file.local()) for file in files_of(lake.path(pin.table), pin.version)
                )
                for name, pin in pins.inputs.items()
            }
        return RunRequest(
            identity=identity,
            dataflow=str(self.contract.identity),
            contract_version=self.contract.version,
            targets=tuple(each.name for each in self.contract.outputs),
            params=pins.params,
            inputs={name: tuple(map(str, paths)) for name, paths in inputs.items()},
            spool=str(spool),
            engine=EngineProfile(settings.engine, settings.engine_options),
            checkpoints=str(self._checkpoints(deployment, settings))
            if settings.checkpoints
            else None,
            interval=pins.interval,
        )

    def _checkpoints(self, deployment: Deployment, settings: Settings) -> str | None:
        """Return where the runner may keep results: they are its to write and to believe."""
        home = Path(deployment.runners[settings.runner].home)
        kept = home / "checkpoints" / str(self.contract.identity)
        return str(kept) if settings.checkpoints else None

    def _run(self, process: RunnerProcess, request: RunRequest, recorder: Recorder) -> RunResult:
        def hear(answer: Answer) -> None:
            recorder.keep(answer)
            self._log_answer(answer)

        self._process = process
        try:
            end = process.run(request, hear, lambda line: self.log.info("runner: %s", line))
        except RunnerError as error:
            self.log.error("%s", error)  # noqa: TRY400 - our traceback would say nothing more
            raise AirflowException(str(error)) from None
        if isinstance(end, RunFailure):
            raise self._told(end)
        return end

    def _told(self, failure: RunFailure) -> AirflowException:
        """Log the runner's own words; only what may go better next time is tried again."""
        place = f"{failure.function} ({failure.file}:{failure.line})"
        message = f"node {failure.node!r} failed in {place}: " if failure.node else ""
        message += failure.message
        if failure.traceback:
            self.log.error("%s", failure.traceback)
        self.log.error("%s", message)
        if failure.kind == "request" or (failure.kind == "dataflow" and failure.node is None):
            return AirflowFailException(message)
        return AirflowException(message)

    def _log_answer(self, answer: Answer) -> None:
        match answer:
            case Graph():
                functions = sum(node.kind == "function" for node in answer.nodes)
                self.log.info("the runner computes %s functions", functions)
            case NodeFinished():
                self.log.info("%s finished in %.3f s%s", answer.node, answer.seconds, _size(answer))
            case NodeFailed():
                self.log.error(
                    "%s failed after %.3f s: %s", answer.node, answer.seconds, answer.error
                )
            case CheckpointReused():
                self.log.info("%s was kept by an earlier try or run", answer.node)
            case CheckpointWritten():
                self.log.info("%s is kept, %s bytes", answer.node, f"{answer.bytes:,}")
            case OutputStaged():
                self.log.info("%s staged, %s bytes", answer.output, f"{answer.bytes:,}")
            case Quality(passed=False):
                tell = self.log.error if answer.level == "error" else self.log.warning
                tell("%s", _broken(answer))


def _identity(context: Context) -> RunIdentity:
    """Say which try this is; each of a mapped task's instances is a task of its own."""
    instance = context["ti"]
    index = instance.map_index
    task = instance.task_id if index is None or index < 0 else f"{instance.task_id}[{index}]"
    return RunIdentity(str(context["run_id"]), task, int(instance.try_number))


def _broken(verdict: Quality) -> str:
    """Say what broke a check, and in which rows, as far as the runner says."""
    shown = ", ".join(verdict.examples[:_MOST_EXAMPLES])
    return f"{verdict.message} ({verdict.check}{f'; see {shown}' if shown else ''})"


def _size(finished: NodeFinished) -> str:
    if finished.rows is None:
        return ""
    columns = "" if finished.columns is None else f" x {finished.columns} columns"
    return f", {finished.rows:,} rows{columns}"
