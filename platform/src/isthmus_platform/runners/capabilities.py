"""Ask a runner what it can do, without a run."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from isthmus_contracts.protocol import Capabilities
from isthmus_platform.deployment import Runner
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.launch import launch_runner
from isthmus_platform.runners.process import RunnerProcess

_TIMEOUT_SECONDS = 60.0


def runner_capabilities(runner: Runner, timeout: float = _TIMEOUT_SECONDS) -> Capabilities:
    """Start a runner in temporary directories, and return what it states that it can do.

    Raise `RunnerError` if it cannot be started or does not answer within `timeout` seconds,
    `DeploymentError` if it cannot run as the user that the deployment names.
    """
    log: list[str] = []
    with tempfile.TemporaryDirectory(
        prefix="isthmus-capabilities-", ignore_cleanup_errors=True
    ) as folder:
        directory = Path(folder)
        directory.chmod(0o711)  # the runner's user must reach the directories below
        home, staging, scratch = (directory / name for name in ("home", "staging", "scratch"))
        staging.mkdir()
        scratch.mkdir()
        process = launch_runner(replace(runner, home=str(home)), None, staging, scratch)
        with closing(process):
            process.start(log.append)
            try:
                with _stopped_after(process, timeout):
                    return process.capabilities()
            except RunnerError as error:
                last_line = [line.strip() for line in log if line.strip()][-1:]
                raise RunnerError(": ".join([str(error), *last_line])) from None


@contextmanager
def _stopped_after(process: RunnerProcess, seconds: float) -> Iterator[None]:
    """Stop the process if the block takes longer, and raise `RunnerError` then."""
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        process.stop()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    except RunnerError:
        if expired.is_set():
            raise RunnerError(f"the runner did not answer within {seconds:g} s") from None
        raise
    finally:
        timer.cancel()
        timer.join()
