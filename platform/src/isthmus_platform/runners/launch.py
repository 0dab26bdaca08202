"""Prepare a runner as the deployment describes it."""

from __future__ import annotations

import os
from pathlib import Path

from isthmus_platform.deployment import Runner
from isthmus_platform.runners.environment import runner_environment
from isthmus_platform.runners.limits import MEGABYTE, Limits
from isthmus_platform.runners.process import RunnerProcess
from isthmus_platform.runners.unix_user import UnixUser, check_user, find_user, make_writable


def launch_runner(
    runner: Runner,
    dataflow: str | None,
    staging: Path,
    scratch: Path,
    memory_megabytes: int | None = None,
) -> RunnerProcess:
    """Return a runner, not started yet, whose user may write its directories.

    Raise `DeploymentError` if it cannot run as the user that the deployment names.
    """
    home = Path(runner.home)
    home.mkdir(parents=True, exist_ok=True)
    user = user_of(runner)
    if user and user.uid != os.geteuid():
        directories = [home, staging, scratch]
        make_writable(user, directories)
        check_user(user, directories, ())
    return RunnerProcess(
        runner.command,
        runner_environment(dataflow, home, scratch, runner.environment),
        scratch,
        staging,
        user=user,
        limits=Limits(_bytes(runner.disk_limit_megabytes), _bytes(memory_megabytes)),
    )


def user_of(runner: Runner) -> UnixUser | None:
    """Return the user that the deployment names; raise `DeploymentError` if it cannot be."""
    return find_user(runner.user) if runner.user else None


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MEGABYTE
