"""Imported by every Python of the tests' Airflow: stop a process at the event that a test names.

A test writes the name of an audit event of Python, and a pattern of its path, into a file. The
first process with such an event sends itself SIGSTOP, and names a file after its process id.
"""

from __future__ import annotations

import os
import signal
import sys
from fnmatch import fnmatch

PLACE = os.environ.get("BREAKPOINTS")


def _stop(event: str, arguments: tuple[object, ...]) -> None:
    if event not in {"open", "os.link", "os.remove", "os.scandir"}:
        return
    wanted = f"{PLACE}/wanted"
    paths = [str(argument) for argument in arguments if isinstance(argument, str | os.PathLike)]
    if wanted in paths or not os.path.exists(wanted):  # noqa: PTH110 - asked at each event
        return
    try:
        with open(wanted, encoding="utf-8") as file:  # noqa: PTH123 - as above
            name, pattern = file.read().split("\n")
        if event != name or not any(fnmatch(path, pattern) for path in paths):
            return
        os.rename(wanted, f"{PLACE}/stopped.{os.getpid()}")  # noqa: PTH104 - as above
    except FileNotFoundError:
        return  # another process was first
    os.kill(os.getpid(), signal.SIGSTOP)


if PLACE:
    sys.addaudithook(_stop)
