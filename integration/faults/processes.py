"""Kills of a task, its runner, the runner's supervisor, or all of them, from outside."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import Literal

import psutil

from isthmus_platform.runners.unix_user import SUPERVISOR


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """Strike from outside: some time after an attempt began, or after the runner's n-th event.

    Airflow's task supervisor leaves its task running when it is killed, and Airflow starts the next
    attempt; a task that is paused goes on after the seconds. `stop` is what Airflow does to a task
    that is to end: SIGTERM, and SIGKILL after five seconds.
    """

    victim: Literal["task", "runner", "supervisor", "everything", "task_supervisor", "stop"]
    seconds: float
    event: str = ""
    count: int = 0


def strike_processes(pid: int, strike: ProcessFault) -> bool:
    """Strike a task or its descendants; return whether there was a process to strike."""
    try:
        task = psutil.Process(pid)
        below = task.children(recursive=True)
        supervisors = [process for process in below if str(SUPERVISOR) in process.cmdline()]
    except psutil.Error:
        return False
    runners = [process for process in below if process not in supervisors]
    victims = {
        "runner": runners,
        "supervisor": supervisors,
        "task": [task],
        "everything": [task, *below],
        "stop": [task],
    }.get(strike.victim, [])
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(signal.SIGTERM if strike.victim == "stop" else signal.SIGKILL)
    return bool(victims) or strike.victim == "task_supervisor"
