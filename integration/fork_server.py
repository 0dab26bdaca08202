"""A process that has imported what its children need, and forks a child in milliseconds.

It must only import: a process that has used Delta must not fork one that uses Delta. The driver is
a subreaper, so it becomes the parent of each forked process and of its orphans. The first function
that the driver sends does the imports.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 20.0
_NOT_RUN = 70
_PR_SET_CHILD_SUBREAPER = 36
T = TypeVar("T")


class Child:
    """One forked process, as seen by the driver: its exit status, or the number of a signal."""

    def __init__(self, pid: int) -> None:
        self.pid, self.status = pid, 0
        self._ended = False

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; say whether the process has ended."""
        deadline = time.monotonic() + seconds
        while not self._ended:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended, self.status = True, os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= deadline:
                return False
            else:
                time.sleep(0.002)
        return True

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process, unless it has ended."""
        if not self.wait(0):
            os.kill(self.pid, number)


class ForkServer:
    """The driver's side of a fork server; several threads of this process may use it."""

    def __init__(self, warm_up: Callable[[], None], environment: dict[str, str]) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "integration.fork_server"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lock = threading.Lock()
        assert self._process.stdin is not None
        pickle.dump(warm_up, self._process.stdin)
        self._process.stdin.flush()

    def start(self, function: Callable[[T], int], argument: T, log: Path) -> Child:
        """Fork a process that exits with what the function returns, and whose output is logged."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            pickle.dump((function, argument, log), self._process.stdin)
            self._process.stdin.flush()
            return Child(int(self._process.stdout.readline()))

    def left_behind(self) -> Iterator[str]:
        """Yield each process that does not end by itself, and end it; no child runs any more."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (left := list(self._offspring())) and time.monotonic() < deadline:
            time.sleep(0.01)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                words = " ".join(process.cmdline())
                process.kill()
                yield f"a process was left behind: {words}"

    def _offspring(self) -> Iterator[psutil.Process]:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess, ChildProcessError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)
                elif process.pid != self._process.pid:
                    yield process

    def close(self) -> None:
        """End the server."""
        self._process.communicate(timeout=30)


def main() -> None:
    """Fork until standard input ends."""
    pickle.load(sys.stdin.buffer)()  # noqa: S301 - the driver's
    gc.collect()
    gc.freeze()
    while True:
        try:
            function, argument, log = pickle.load(sys.stdin.buffer)  # noqa: S301 - the driver's
        except EOFError:
            return
        between = os.fork()
        if between == 0:
            parent = os.getpid()
            if os.fork() == 0:
                _perform(function, argument, log, parent)
            os._exit(0)
        os.waitpid(between, 0)


def _perform(function: Callable[[T], int], argument: T, log: Path, parent: int) -> None:
    """Execute the function in the forked process, once the driver is its parent."""
    status = _NOT_RUN
    try:
        os.setsid()
        while os.getppid() == parent:
            time.sleep(0.001)
        os.write(1, b"%d\n" % os.getpid())
        nothing = os.open(os.devnull, os.O_RDONLY)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        status = function(argument)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
