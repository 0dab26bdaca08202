"""Stop components and everything that they have started, for the starter or its watchdog."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

PATIENCE_SECONDS = 4.0
_POLL_SECONDS = 0.05


def stop(leaders: Sequence[int], patience: float = PATIENCE_SECONDS) -> None:
    """Stop the sessions that these processes lead, the last first; return when all have ended.

    Send SIGTERM to a leader and to tasks, which then report their failure to Airflow; then to what
    the leader leaves behind. Kill what still runs after `patience` seconds.
    """
    for leader in reversed(leaders):
        session = members(leader)
        _send(
            psutil.Process.terminate,
            [process for process in session if _is_leader_or_task(process, leader)],
        )
        if _wait_for_end([process for process in session if process.pid == leader], patience):
            remaining = {*session, *members(leader)}
            _send(psutil.Process.terminate, remaining)
            _wait_for_end(remaining, patience)
        remaining = {*session, *members(leader)}
        _send(psutil.Process.kill, remaining)
        _wait_for_end(remaining, patience)


def members(leader: int) -> list[psutil.Process]:
    """Return the running processes of the session that `leader` leads, and their descendants."""
    found: dict[int, psutil.Process] = {}
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if os.getsid(pid) == leader:
                found[pid] = psutil.Process(pid)
    for process in tuple(found.values()):
        with suppress(psutil.Error):
            found |= {child.pid: child for child in process.children(recursive=True)}
    return [process for process in found.values() if is_running(process)]


def _is_leader_or_task(process: psutil.Process, leader: int) -> bool:
    """Say whether this is the leader, or a task, which a worker of the leader started.

    The worker between them ends by itself, after it has reported how its task ended.
    """
    if process.pid == leader:
        return True
    with suppress(psutil.Error, OSError):
        worker = process.parent()
        return os.getsid(process.pid) == leader and worker is not None and worker.ppid() == leader
    return False


def _wait_for_end(processes: Iterable[psutil.Process], patience: float) -> bool:
    """Say whether all processes ended within `patience` seconds."""
    deadline = time.monotonic() + patience
    while any(is_running(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def is_running(process: psutil.Process) -> bool:
    """Say whether a process has not ended yet; a zombie has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _send(signal: Callable[[psutil.Process], None], processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            signal(process)
