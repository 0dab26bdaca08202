"""Prepare a runner as the deployment describes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from isthmus_platform.deployment import Runner
from isthmus_platform.runners.confinement import Access, code_paths, engine_paths
from isthmus_platform.runners.environment import runner_environment
from isthmus_platform.runners.limits import MEGABYTE, Limits
from isthmus_platform.runners.process import RunnerProcess
from isthmus_platform.runners.unix_user import UnixUser, check_user, find_user, make_writable


def launch_runner(  # noqa: PLR0913 - what runs and where, within which bounds
    runner: Runner,
    dataflow: str | None,
    staging: Path,
    scratch: Path,
    memory_megabytes: int | None = None,
    *,
    inputs: Sequence[Path] = (),
    engine: str | None = None,
) -> RunnerProcess:
    """Return a runner, not started yet, whose user may write its directories.

    Of the platform's files it may read those below `inputs`, and what `engine` needs is allowed.
    Raise `DeploymentError` if it cannot run as the user that the deployment names.
    """
    home = Path(runner.home)
    home.mkdir(parents=True, exist_ok=True)
    user = user_of(runner)
    if user and user.uid != os.geteuid():
        directories = [home, staging, scratch]
        make_writable(user, directories)
        check_user(user, directories, ())
    environment = runner_environment(dataflow, home, scratch, runner.environment)
    return RunnerProcess(
        runner.command,
        environment,
        scratch,
        staging,
        user=user,
        limits=Limits(_bytes(runner.disk_limit_megabytes), _bytes(memory_megabytes)),
        access=Access(
            [*code_paths(runner.command, environment), *inputs, *runner.readable],
            [home, staging, scratch, *engine_paths(engine), *runner.writable],
            runner.network,
        ),
    )


def user_of(runner: Runner) -> UnixUser | None:
    """Return the user that the deployment names; raise `DeploymentError` if it cannot be."""
    return find_user(runner.user) if runner.user else None


def _bytes(megabytes: int | None) -> int | None:
    return None if megabytes is None else megabytes * MEGABYTE
