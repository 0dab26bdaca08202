"""The Unix user of a runner, if the deployment names one: find, check and use it."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.errors import DeploymentError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
SUPERVISOR_ENVIRONMENT = {"LANG": "C"}  # no secret, but not empty: sudo 1.9.16 would crash
_CHECK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class UnixUser:
    """Describe a Unix user that a runner runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def airflow_is_root(self) -> bool:
        """Say whether this process is root, so that the supervisor can switch without sudo."""
        return os.geteuid() == 0

    @property
    def is_this_process(self) -> bool:
        """Say whether this process can use all that the user has made, without sudo."""
        return os.geteuid() in {0, self.uid}


def find_user(name: str) -> UnixUser:
    """Return the user of this name, or raise `DeploymentError` if there is none or it is root."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise user_error(name, "there is no such user on this machine") from None
    if found.pw_uid == 0:
        raise user_error(name, "a runner may not be root")
    groups = {group.gr_gid for group in grp.getgrall() if name in group.gr_mem}
    return UnixUser(name, found.pw_uid, found.pw_gid, tuple(sorted(groups | {found.pw_gid})))


def supervisor_command(user: UnixUser | None, *arguments: str) -> list[str]:
    """Return the command that starts a supervisor, or raise `DeploymentError`.

    It runs as the user, by sudo, unless Airflow is root: then it runs as root, and switches itself.
    """
    return command_as(user, SUPERVISOR, *arguments)


def command_as(user: UnixUser | None, file: Path, *arguments: str) -> list[str]:
    """Return the command that runs a file of this package as the user, or as root where it can.

    Raise `DeploymentError` if Airflow's user can do neither.
    """
    command = [sys.executable, "-I", "-S", str(file), *arguments]
    if user is None or user.is_this_process:
        return command
    sudo = shutil.which("sudo")
    if sudo is None:
        raise user_error(
            user.name,
            f"Airflow runs as uid {os.geteuid()}, which cannot switch to it: there is no sudo",
        )
    return [sudo, "-n", "-u", user.name, "--", *command]


def user_spec(user: UnixUser | None) -> dict[str, object]:
    """Return the part of a supervisor's spec that says which user it has to switch to."""
    if user is None or not user.airflow_is_root:
        return {"user": None, "group": None, "groups": None}
    return {"user": user.uid, "group": user.gid, "groups": user.groups}


def make_writable(user: UnixUser, directories: Sequence[Path]) -> None:
    """Let the user write in directories, or raise `DeploymentError`.

    Root makes the user their owner; anybody else shares them through the user's own group. No link
    is followed, and nobody else may be able to put one in the place of a directory above.
    """
    for path in directories:
        _check_above(user, path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise user_error(
                user.name, f"{path} is no directory to give: {error.strerror}"
            ) from None
        try:
            _share(user, descriptor)
        except PermissionError:
            raise user_error(
                user.name,
                f"{path} cannot be shared with it; Airflow's user must be in the group "
                f"{user.gid}, its own",
            ) from None
        finally:
            os.close(descriptor)


def _share(user: UnixUser, descriptor: int) -> None:
    if user.airflow_is_root:
        os.fchown(descriptor, user.uid, user.gid)
        os.fchmod(descriptor, 0o700)
    elif user.uid != os.geteuid():
        if os.fstat(descriptor).st_gid != user.gid:
            os.fchown(descriptor, -1, user.gid)
        os.fchmod(descriptor, 0o2770)


def _check_above(user: UnixUser, path: Path) -> None:
    """Raise `DeploymentError` if anybody but root and Airflow may replace a directory above."""
    real = path.absolute().parent.resolve()
    for above in {*path.absolute().parents, real, *real.parents}:
        status = above.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue  # its own directory is among those above, and so is where it leads
        is_writable = status.st_mode & stat.S_IWOTH or (
            status.st_mode & stat.S_IWGRP and status.st_gid in user.groups
        )
        # In a directory with the sticky bit, only its owner and theirs may replace names.
        is_open = is_writable and not status.st_mode & stat.S_ISVTX
        if is_open or status.st_uid not in {0, os.geteuid()}:
            owner = f"uid {status.st_uid}" if not is_open else "others"
            raise user_error(
                user.name,
                f"{path} cannot be given to it, because {owner} may write in {above} and could "
                "replace it by a link; choose a place in directories of root or Airflow",
            )


def check_user(user: UnixUser, writable: Sequence[Path], readable: Sequence[str]) -> None:
    """Start a process as the user; raise `DeploymentError` if that fails or a file is denied."""
    spec = user_spec(user) | {
        "writable": [str(path) for path in writable],
        "readable": list(readable),
    }
    try:
        done = subprocess.run(
            supervisor_command(user, "check"),
            input=(json.dumps(spec) + "\n").encode(),
            capture_output=True,
            timeout=_CHECK_SECONDS,
            env=SUPERVISOR_ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise user_error(user.name, f"switching to it failed: {error}") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"exit status {done.returncode}"
        raise user_error(user.name, f"switching to it failed: {reason}")
    problems = done.stdout.decode("utf-8", "replace").splitlines()
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise user_error(user.name, f"{problems[0]}{more}; docs/security.md lists the modes")


def user_error(name: str, problem: str) -> DeploymentError:
    """Return the error for a user that a runner cannot run as."""
    return DeploymentError(None, f"runner user {name!r}", problem)
