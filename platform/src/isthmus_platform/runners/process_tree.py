"""The processes below a runner's supervisor: find them, and kill them if the supervisor cannot."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil

from isthmus_platform.runners.unix_user import SUPERVISOR_ENVIRONMENT, UnixUser, supervisor_command

_KILL_SECONDS = 3.0
_ROUND_SECONDS = 0.1
_PR_SET_CHILD_SUBREAPER = 36


class ProcessTree:
    """Tell a supervisor's descendants from other children of this process."""

    def __init__(self, user: UnixUser | None) -> None:
        """Remember the processes that exist before the supervisor is started.

        From now on this process adopts orphans, which may be the supervisor's.
        """
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._user = user
        self._before = psutil.Process().children(recursive=True)

    def descendants(self, supervisor: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return the supervisor's descendants, also in other sessions and adopted ones.

        A process in this process's own session is not one: none can enter a session from outside.
        """
        return [
            process
            for process in psutil.Process().children(recursive=True)
            if process not in self._before
            and process.pid != supervisor.pid
            and not _in_own_session(process.pid)
        ]

    def kill(self, supervisor: subprocess.Popen[bytes]) -> None:
        """Kill the supervisor, and the descendants that it did not end."""
        deadline = time.monotonic() + _KILL_SECONDS
        while time.monotonic() < deadline:
            left = self.descendants(supervisor)
            if supervisor.poll() is None:
                left.append(psutil.Process(supervisor.pid))
            if not left:
                return
            # Stopped first, so that nothing can fork between the listing and the killing.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for process in left:
                    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        process.send_signal(number)
            if self._user and not self._user.airflow_is_root:
                self._kill_as_user(left)
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(_ROUND_SECONDS)
            psutil.wait_procs(
                [process for process in left if process.pid != supervisor.pid],
                timeout=_ROUND_SECONDS,
            )

    def _kill_as_user(self, left: Sequence[psutil.Process]) -> None:
        command = supervisor_command(self._user, "kill", *(str(process.pid) for process in left))
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            null = subprocess.DEVNULL
            subprocess.run(
                command,
                stdin=null,
                stdout=null,
                stderr=null,
                env=SUPERVISOR_ENVIRONMENT,
                timeout=8,
                check=False,
            )


def _in_own_session(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid) == os.getsid(0)
    return False


def is_stopped(supervisor: subprocess.Popen[bytes]) -> bool:
    """Say whether the supervisor was sent SIGSTOP, which only its runner has a reason to do."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(supervisor.pid).status() == psutil.STATUS_STOPPED
    return False
