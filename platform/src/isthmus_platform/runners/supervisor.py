"""A runner's parent: when the platform goes away, or the runner ends, it ends the whole tree.

It is started by its path with `python -I -S`, needs only the standard library, and lives on the
runner's side: as the runner's Unix user where Airflow may not signal that user's processes, as root
where Airflow is root, so that a runner cannot end it. Three verbs:

- `run`: read an order as a line of JSON on standard input, start its command, and pass on what
  follows. Standard output and error are the runner's own. The end of standard input means that the
  platform is gone, or wants the runner to stop. The exit status, or signal, is the runner's.
- `check`: read an order, and print what its user may not read or write.
- `end`: kill the processes that are named, and theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Order: TypeAlias = Mapping[str, Any]  # JSON of the platform's own; this file cannot import its type

_PATIENCE_SECONDS = 3.0
_LAST_SECONDS = 4.0
_ROUND_SECONDS = 0.02
_CHUNK_BYTES = 1 << 16
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_prctl = ctypes.CDLL(None).prctl if _LINUX else None


def main(verb: str, *numbers: str) -> int:
    """Do what the verb says; return the exit status."""
    if verb == "end":
        _end_all(lambda: _with_offspring([int(number) for number in numbers]), [])
        return 0
    line, rest = _read_line()
    order = json.loads(line)
    return _check(order) if verb == "check" else _run(order, rest)


def _read_line() -> tuple[bytes, bytes]:
    data = b""
    while b"\n" not in data:
        chunk = os.read(0, _CHUNK_BYTES)
        if not chunk:
            sys.exit(0)  # the platform was gone before it had said anything
        data += chunk
    line, _, rest = data.partition(b"\n")
    return line, rest


def _check(order: Order) -> int:
    if order["user"] is not None:
        os.setgroups(order["groups"])
        os.setgid(order["group"])
        os.setuid(order["user"])
    for names, mode, words in (
        (order["writable"], os.W_OK | os.X_OK, "write in"),
        (order["readable"], os.R_OK, "read"),
    ):
        for name in names:
            if not os.access(name, mode):
                sys.stdout.write(f"it may not {words} {name}\n")
    return 0


def _run(order: Order, rest: bytes) -> int:
    wake, alarm = os.pipe()
    for end in (wake, alarm):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    # Handlers, for what is ignored would stay ignored in the runner.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    if _prctl:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        runner = _start(order)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stdout.write(json.dumps({"supervisor": reason}) + "\n")
        return 0
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # so that standard output ends when the runner's side has closed it
    os.dup2(nothing, 2)
    _pass_on(runner, rest, wake)
    _end_all(lambda: _with_offspring([]), [signal.SIGTERM], runner)
    status = runner.returncode
    return status if status >= 0 else _die_of(-status)


def _start(order: Order) -> subprocess.Popen[bytes]:
    supervisor = os.getpid()

    def last_words() -> None:
        if order["file_bytes"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"], order["file_bytes"]))
        if _prctl:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # no setuid program leads out of its user
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != supervisor:
                os.kill(os.getpid(), signal.SIGKILL)

    return subprocess.Popen(
        order["command"],
        env=order["environment"],
        cwd=order["directory"],
        stdin=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        user=order["user"],
        group=order["group"],
        extra_groups=order["groups"],
        umask=order["umask"],
        preexec_fn=last_words,  # noqa: PLW1509 - there is one thread
    )


def _pass_on(runner: subprocess.Popen[bytes], rest: bytes, wake: int) -> None:
    """Give the runner what the platform says, until either of them is gone."""
    assert runner.stdin is not None  # noqa: S101 - for mypy: it is a pipe
    pipe = runner.stdin.fileno()
    os.set_blocking(pipe, False)
    while True:
        readable, writable, _ = select.select([0, wake], [pipe] if rest else [], [])
        if wake in readable:
            os.read(wake, _CHUNK_BYTES)
            if runner.poll() is not None:
                return
            _reap(runner)
        if 0 in readable:
            chunk = os.read(0, _CHUNK_BYTES)
            if not chunk:
                return
            rest += chunk
        if pipe in writable:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                rest = b""  # it does not listen, and will say why by its end


def _end_all(
    find: Callable[[], Mapping[int, str]],
    politely: Sequence[signal.Signals],
    runner: subprocess.Popen[bytes] | None = None,
) -> None:
    """End every process that `find` finds, politely first; give up after 4 s more."""

    def left() -> Mapping[int, str]:
        if runner is not None:
            running = runner.poll() is None
            _reap(runner)
            return {**find(), **({runner.pid: ""} if running else {})}
        return find()

    for number in politely:
        _send(left(), number)
        _wait(left, _PATIENCE_SECONDS)
    deadline = time.monotonic() + _LAST_SECONDS
    while left() and time.monotonic() < deadline:
        # Frozen first, so that nothing can fork away between being listed and being killed.
        _send(left(), signal.SIGSTOP)
        _send(left(), signal.SIGKILL)
        _wait(left, _ROUND_SECONDS)


def _wait(left: Callable[[], Mapping[int, str]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left() and time.monotonic() < deadline:
        time.sleep(_ROUND_SECONDS / 2)


def _reap(runner: subprocess.Popen[bytes]) -> None:
    """Bury adopted orphans that have ended, and leave the runner's status to `Popen`."""
    for pid, parent, _ in _processes():
        if parent == os.getpid() and pid != runner.pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _with_offspring(roots: Sequence[int]) -> dict[int, str]:
    """Return the roots, or else this process's children, and all below; with their start times."""
    table = _processes()
    born = {pid: start for pid, _, start in table}
    found = {pid: born[pid] for pid in roots if pid in born}
    parents = set(roots) or {os.getpid()}
    while True:
        more = [pid for pid, parent, _ in table if parent in parents and pid not in found]
        if not more:
            return found
        found |= {pid: born[pid] for pid in more}
        parents |= set(more)


def _processes() -> list[tuple[int, int, str]]:
    """Return id, parent and start time of each process; none where there is no /proc."""
    names = [path.name for path in Path("/proc").iterdir()] if _LINUX else []
    return [found for name in names if name.isdigit() and (found := _process(name))]


def _process(name: str) -> tuple[int, int, str] | None:
    try:
        content = Path("/proc", name, "stat").read_bytes()
    except OSError:
        return None
    # The program's name, in parentheses, may hold anything, parentheses too.
    words = content.rpartition(b")")[2].split()
    state, parent, threads, start = words[0], int(words[1]), int(words[17]), words[19]
    # A process whose first thread has ended looks dead, and runs on in its other threads.
    dead = state in (b"Z", b"X") and threads <= 1
    return None if dead and parent != os.getpid() else (int(name), parent, start.decode())


def _send(processes: Mapping[int, str], number: signal.Signals) -> None:
    for pid, start in processes.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not start:  # our own child, which is not buried yet
                (os.kill if _LINUX else os.killpg)(pid, number)
                continue
            descriptor = os.pidfd_open(pid)
            try:
                found = _process(str(pid))
                if found and found[2] == start:  # the id was not given to another meanwhile
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)


def _die_of(number: int) -> int:
    """End by the signal that ended the runner, without a core dump of our own."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
