"""What descends from a runner's supervisor: found, and ended where the supervisor cannot do it."""

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

_PATIENCE_SECONDS = 3.0
_ROUND_SECONDS = 0.1
_PR_SET_CHILD_SUBREAPER = 36


class ProcessTree:
    """Know which processes of this one were there before a supervisor, and so are not its own."""

    def __init__(self, user: UnixUser | None) -> None:
        """Be made before the supervisor is started: its orphans become children of this process."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._user = user
        self._before = psutil.Process().children(recursive=True)

    def of(self, supervisor: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return what descends from the supervisor, be it in another session or adopted by now.

        What is in this process's session was started by others: none can enter from outside.
        """
        ours = psutil.Process().children(recursive=True)
        return [
            our
            for our in ours
            if our not in self._before and our.pid != supervisor.pid and not _is_beside(our.pid)
        ]

    def end(self, supervisor: subprocess.Popen[bytes]) -> None:
        """End what a supervisor that was killed or frozen could not, and the supervisor."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            left = self.of(supervisor)
            if supervisor.poll() is None:
                left.append(psutil.Process(supervisor.pid))
            if not left:
                return
            # Frozen first, so that nothing can fork away between being listed and being killed.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for process in left:
                    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        process.send_signal(number)
            if self._user and not self._user.switched:
                self._end_from_their_side(left)
            with contextlib.suppress(subprocess.TimeoutExpired):
                supervisor.wait(_ROUND_SECONDS)
            psutil.wait_procs(
                [process for process in left if process.pid != supervisor.pid],
                timeout=_ROUND_SECONDS,
            )

    def _end_from_their_side(self, left: Sequence[psutil.Process]) -> None:
        command = supervisor_command(self._user, "end", *(str(process.pid) for process in left))
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


def _is_beside(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid) == os.getsid(0)
    return False


def is_frozen(supervisor: subprocess.Popen[bytes]) -> bool:
    """Say whether somebody has stopped the supervisor, which only its runner has a reason to."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(supervisor.pid).status() == psutil.STATUS_STOPPED
    return False
