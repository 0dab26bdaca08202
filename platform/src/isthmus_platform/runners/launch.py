"""From what the deployment says to a runner that is ready to be started."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus_platform.deployment import Runner
from isthmus_platform.runners.environment import runner_environment
from isthmus_platform.runners.limits import MEGABYTE, Limits
from isthmus_platform.runners.process import RunnerProcess
from isthmus_platform.runners.unix_user import check_user, find_user, grant_directories


def launch_runner(
    runner: Runner,
    dataflow: str,
    staging: Path,
    scratch: Path,
    memory_megabytes: int | None = None,
) -> RunnerProcess:
    """Return a runner of a dataflow that was not started yet; its directories are its user's.

    Raise `DeploymentError` if it cannot run as the user that the deployment names.
    """
    home = Path(runner.home)
    home.mkdir(parents=True, exist_ok=True)
    user = find_user(runner.user) if runner.user else None
    if user and user.uid != os.geteuid():
        own = [home, staging, scratch]
        grant_directories(user, own)
        check_user(user, own, ())
    return RunnerProcess(
        runner.command,
        runner_environment(dataflow, home, scratch, runner.environment),
        scratch,
        staging,
        user=user,
        limits=Limits(_bytes(runner.disk_limit_megabytes), _bytes(memory_megabytes)),
    )


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MEGABYTE
