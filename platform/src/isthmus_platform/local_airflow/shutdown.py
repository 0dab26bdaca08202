"""Stop components with everything they have started, for the starter or its watchdog."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

PATIENCE = 4.0
_INTERVAL = 0.05


def stop(leaders: Sequence[int], patience: float = PATIENCE) -> None:
    """Stop the sessions that these processes lead, the last first, and return when all is gone.

    A leader is asked with SIGTERM, and so are tasks, which tell Airflow that they failed. What it
    leaves behind is asked next, and what is left after `patience` seconds is killed.
    """
    for leader in reversed(leaders):
        everyone = members(leader)
        _send(
            psutil.Process.terminate,
            [process for process in everyone if _is_asked(process, leader)],
        )
        if _gone([process for process in everyone if process.pid == leader], patience):
            left = {*everyone, *members(leader)}
            _send(psutil.Process.terminate, left)
            _gone(left, patience)
        left = {*everyone, *members(leader)}
        _send(psutil.Process.kill, left)
        _gone(left, patience)


def members(leader: int) -> list[psutil.Process]:
    """Return the living processes of the session that `leader` leads, and their descendants."""
    found: dict[int, psutil.Process] = {}
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if os.getsid(pid) == leader:
                found[pid] = psutil.Process(pid)
    for process in tuple(found.values()):
        with suppress(psutil.Error):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return [result for result in found.values() if _lives(result)]


def _is_asked(process: psutil.Process, leader: int) -> bool:
    """Say whether this is the leader or a task, which is started by a worker of the leader.

    The worker between them ends by itself, after it has told how its task ended.
    """
    if process.pid == leader:
        return True
    with suppress(psutil.Error, OSError):
        worker = process.parent()
        return os.getsid(process.pid) == leader and worker is not None and worker.ppid() == leader
    return False


def _gone(processes: Iterable[psutil.Process], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while any(_lives(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_INTERVAL)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _send(signal: Callable[[psutil.Process], None], processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            signal(process)
