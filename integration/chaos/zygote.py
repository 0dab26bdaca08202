"""A process that has imported Airflow, and forks a task's process in milliseconds.

It must only import: a process that has used Delta must not fork one that does. It is a subreaper,
so that whatever a task leaves behind becomes its child, and can be counted.

On standard input come orders as lines of JSON, with an id; on standard output go `[id, pid]` and,
at the end, `[id, pid, status]`. The end of standard input ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import psutil

from isthmus_contracts.codec import deserialize, serialize

from .orders import Order

ROOT = Path(__file__).parents[2]
_PR_SET_CHILD_SUBREAPER = 36


class TaskProcess:
    """One task's process, as seen by the driver."""

    def __init__(self, order: Order, pid: int) -> None:
        self.order = order
        self.pid = pid
        self.status = 0
        self._ended = threading.Event()

    def end(self, status: int) -> None:
        """Note how it ended: an exit status, or the negative number of a signal."""
        self.status = status
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        """Say whether it has ended, after at most so long."""
        return self._ended.wait(seconds)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the process, unless it has ended."""
        if not self.wait(0):
            with contextlib.suppress(ProcessLookupError):  # it has, and we are about to hear it
                os.kill(self.pid, number)


class Zygote:
    """The driver's side of a zygote; several threads may use it."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        settings = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "integration.chaos.zygote"],
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lock = threading.Lock()
        self._started: SimpleQueue[TaskProcess] = SimpleQueue()
        self._orders: dict[int, Order] = {}
        self._running: dict[int, TaskProcess] = {}
        self._count = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, order: Order) -> TaskProcess:
        """Fork a process for the order."""
        assert self._process.stdin is not None
        with self._lock:
            self._count += 1
            self._orders[self._count] = order
            line = json.dumps([self._count, serialize(order)]) + "\n"
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
            return self._started.get(timeout=60)

    def offspring(self) -> list[psutil.Process]:
        """Return every process that lives on below the zygote."""
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [each for each in found if _lives(each)]

    def close(self) -> None:
        """End the zygote."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._listener.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                number, pid, *status = json.loads(line)
                if status:
                    self._running.pop(number).end(status[0])
                else:
                    process = self._running[number] = TaskProcess(self._orders.pop(number), pid)
                    self._started.put(process)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    """Fork until standard input ends."""
    from . import tasks  # noqa: PLC0415 - it takes more than a second, and only this process needs it

    _warm_up()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, alarm = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.collect()
    gc.freeze()
    children: dict[int, int] = {}
    rest = b""
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if 0 in readable:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                number, plain = json.loads(line)
                pid = _fork(deserialize(Order, plain), tasks)
                children[pid] = number
                _say(number, pid)
        if wake in readable:
            os.read(wake, 1 << 16)
            _reap(children)


def _warm_up() -> None:
    """Import what operators import when they run, without using it."""
    from airflow.sdk import Connection  # noqa: PLC0415

    from isthmus_platform import runners, sources  # noqa: F401, PLC0415
    from isthmus_platform.lake import tables  # noqa: F401, PLC0415

    Connection(conn_id="warm", conn_type="sqlite", host=":memory:").get_hook()  # type: ignore[no-untyped-call]


def _fork(order: Order, tasks: object) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = tasks.perform(order)  # type: ignore[attr-defined] # a module
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _reap(children: dict[int, int]) -> None:
    """Bury children and whatever they left behind."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in children:
            _say(children.pop(pid), pid, os.waitstatus_to_exitcode(status))


def _say(*words: int) -> None:
    os.write(1, (json.dumps(words) + "\n").encode())


if __name__ == "__main__":
    main()
