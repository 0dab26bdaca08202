"""The Unix user that a runner runs as, if the deployment names one."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isthmus_platform.errors import DeploymentError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
SUPERVISOR_ENVIRONMENT = {"LANG": "C"}  # no secret, yet not empty: sudo 1.9.16 would crash
_CHECK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class UnixUser:
    """Name a Unix user; `switched` says that the supervisor is root and switches by itself."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def switched(self) -> bool:
        """Say whether this process may become the user without help."""
        return os.geteuid() == 0


def find_user(name: str) -> UnixUser:
    """Return the user of a user other than root, or raise `DeploymentError`."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise refusal(name, "there is no such user on this machine") from None
    if found.pw_uid == 0:
        raise refusal(name, "a runner may not be root")
    groups = {each.gr_gid for each in grp.getgrall() if name in each.gr_mem}
    return UnixUser(name, found.pw_uid, found.pw_gid, tuple(sorted(groups | {found.pw_gid})))


def supervisor_command(user: UnixUser | None, *verb: str) -> list[str]:
    """Return the command of a supervisor on the runner's side, or raise `DeploymentError`."""
    supervisor = [sys.executable, "-I", "-S", str(SUPERVISOR), *verb]
    if user is None or user.switched or user.uid == os.geteuid():
        return supervisor
    sudo = shutil.which("sudo")
    if sudo is None:
        raise refusal(
            user.name,
            f"Airflow runs as uid {os.geteuid()}, which cannot switch to it: there is no sudo",
        )
    return [sudo, "-n", "-u", user.name, "--", *supervisor]


def user_order(user: UnixUser | None) -> dict[str, object]:
    """Return the part of a supervisor's order that says whom it is to become."""
    if user is None or not user.switched:
        return {"user": None, "group": None, "groups": None}
    return {"user": user.uid, "group": user.gid, "groups": user.groups}


def grant_directories(user: UnixUser, directories: Sequence[Path]) -> None:
    """Let the user write in directories, or raise `DeploymentError`.

    Root gives them away; anybody else shares them through the user's own group.
    """
    for path in directories:
        try:
            if user.switched:
                os.chown(path, user.uid, user.gid)
                path.chmod(0o700)
            elif user.uid != os.geteuid():
                if path.stat().st_gid != user.gid:
                    os.chown(path, -1, user.gid)
                path.chmod(0o2770)
        except PermissionError:
            raise refusal(
                user.name,
                f"{path} cannot be shared with it; Airflow's user must be in the group "
                f"{user.gid}, its own",
            ) from None


def check_user(user: UnixUser, writable: Sequence[Path], readable: Sequence[str]) -> None:
    """Become the user once, and raise `DeploymentError` if that or its rights are refused."""
    order = user_order(user) | {
        "writable": [str(each) for each in writable],
        "readable": list(readable),
    }
    try:
        done = subprocess.run(
            supervisor_command(user, "check"),
            input=(json.dumps(order) + "\n").encode(),
            capture_output=True,
            timeout=_CHECK_SECONDS,
            env=SUPERVISOR_ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refusal(user.name, f"it cannot be switched to: {error}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise refusal(user.name, f"it cannot be switched to: {reason}")
    problems = done.stdout.decode("utf-8", "replace").splitlines()
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise refusal(user.name, f"{problems[0]}{more}; docs/security.md says which modes")


def refusal(name: str, problem: str) -> DeploymentError:
    """Return the error for a user that a runner cannot run as."""
    return DeploymentError(None, f"runner user {name!r}", problem)
