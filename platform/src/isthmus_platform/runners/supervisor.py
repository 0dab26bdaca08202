"""A runner's parent: when the platform or the runner ends, it ends the whole process tree.

It is started by its path with `python -I -S`, and needs only the standard library. It runs as root
if Airflow is root, so that a runner cannot kill it. Otherwise it runs as the runner's Unix user, so
that it may signal that user's processes. Its commands:

- `run`: read a spec as a line of JSON on standard input, start the command in it, and forward the
  rest of standard input. Standard output and error are the runner's own. The end of standard input
  means that the platform has ended, or wants the runner to stop. The exit status, or signal, is the
  runner's.
- `check`: read a spec, and print which of its files the user may not read or write.
- `kill`: kill the processes with these ids, and their descendants.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Spec: TypeAlias = Mapping[str, Any]  # JSON that the platform wrote; this file imports no type of it

_TERM_SECONDS = 3.0
_KILL_SECONDS = 4.0
_POLL_SECONDS = 0.02
_CHUNK_BYTES = 1 << 16
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
_PR_SET_SECUREBITS, _NOROOT, _SECCOMP_MODE_FILTER = 28, 0b11, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # of Landlock, on every architecture
_FOR_PATH, _FOR_PORT = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl if _LINUX else None


def main(command: str, *pids: str) -> int:
    """Execute the command; return the exit status."""
    if command == "kill":
        _end_all(lambda: _tree([int(pid) for pid in pids]), [])
        return 0
    line, rest = _read_line()
    spec = json.loads(line)
    return _check(spec) if command == "check" else _run(spec, rest)


def _read_line() -> tuple[bytes, bytes]:
    data = b""
    while b"\n" not in data:
        chunk = os.read(0, _CHUNK_BYTES)
        if not chunk:
            sys.exit(0)  # the platform ended before it sent a whole spec
        data += chunk
    line, _, rest = data.partition(b"\n")
    return line, rest


def _check(spec: Spec) -> int:
    if spec["user"] is not None:
        os.setgroups(spec["groups"])
        os.setgid(spec["group"])
        os.setuid(spec["user"])
    for paths, mode, action in (
        (spec["writable"], os.W_OK | os.X_OK, "write in"),
        (spec["readable"], os.R_OK, "read"),
    ):
        for path in paths:
            if not os.access(path, mode):
                sys.stdout.write(f"it may not {action} {path}\n")
    return 0


def _run(spec: Spec, rest: bytes) -> int:
    signalled, signal_pipe = os.pipe()
    for descriptor in (signalled, signal_pipe):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(signal_pipe, warn_on_full_buffer=False)
    # Handlers, because an ignored signal would stay ignored in the runner.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    if _prctl:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        runner = _start(spec)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stdout.write(json.dumps({"supervisor": reason}) + "\n")
        return 0
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # so that standard output ends when the runner and its children closed it
    os.dup2(null, 2)
    _forward_input(runner, rest, signalled)
    _end_all(lambda: _tree([]), [signal.SIGTERM], runner)
    status = runner.returncode
    return status if status >= 0 else _end_by_signal(-status)


def _start(spec: Spec) -> subprocess.Popen[bytes]:
    supervisor = os.getpid()

    def before_exec() -> None:
        if spec["file_bytes"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (spec["file_bytes"], spec["file_bytes"]))
        if _prctl:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # no setuid program leads to another user
            _prctl(_PR_SET_SECUREBITS, _NOROOT, 0, 0, 0)  # root has no capability; not for others
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != supervisor:
                os.kill(os.getpid(), signal.SIGKILL)
            if spec["access"]:
                _confine(spec["access"])

    return subprocess.Popen(
        spec["command"],
        env=spec["environment"],
        cwd=spec["directory"],
        stdin=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        user=spec["user"],
        group=spec["group"],
        extra_groups=spec["groups"],
        umask=spec["umask"],
        preexec_fn=before_exec,  # noqa: PLW1509 - this process has one thread
    )


def _confine(access: Spec) -> None:
    """Have the kernel restrict this process, and all that it starts, for good."""
    try:
        if access["landlock"]:
            _add_landlock(access["landlock"])
        if access["socket_filter"]:
            program = bytes.fromhex(access["socket_filter"])
            code = ctypes.create_string_buffer(program)
            header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
            _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header))
    except OSError as error:
        os.write(2, f"the runner cannot be confined: {error}\n".encode())
        raise


def _add_landlock(rules: Spec) -> None:
    attributes = bytes.fromhex(rules["attributes"])
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in rules["paths"]:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # what the user cannot find needs no rule
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        possible = rights if is_directory else rights & rules["file_rights"]
        _call(_ADD_RULE, ruleset, _FOR_PATH, struct.pack("=Qi", possible, descriptor), 0)
        os.close(descriptor)
    for port, rights in rules["ports"]:
        _call(_ADD_RULE, ruleset, _FOR_PORT, struct.pack("=QQ", rights, port), 0)
    _call(_RESTRICT_SELF, ruleset, 0)


def _call(number: int, *arguments: int | bytes) -> int:
    values = [part if isinstance(part, bytes) else ctypes.c_long(part) for part in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *values))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _forward_input(runner: subprocess.Popen[bytes], rest: bytes, signalled: int) -> None:
    """Forward standard input to the runner, until the platform or the runner has ended."""
    assert runner.stdin is not None  # noqa: S101 - for mypy: it is a pipe
    pipe = runner.stdin.fileno()
    os.set_blocking(pipe, False)
    while True:
        readable, writable, _ = select.select([0, signalled], [pipe] if rest else [], [])
        if signalled in readable:
            os.read(signalled, _CHUNK_BYTES)
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
                rest = b""  # the runner closed its input; its exit says why


def _end_all(
    find: Callable[[], Mapping[int, str]],
    first: Sequence[signal.Signals],
    runner: subprocess.Popen[bytes] | None = None,
) -> None:
    """End the processes that `find` returns: by the `first` signals, then by SIGKILL for 4 s."""

    def remaining() -> Mapping[int, str]:
        if runner is not None:
            running = runner.poll() is None
            _reap(runner)
            return {**find(), **({runner.pid: ""} if running else {})}
        return find()

    for number in first:
        _send(remaining(), number)
        _wait(remaining, _TERM_SECONDS)
    deadline = time.monotonic() + _KILL_SECONDS
    while remaining() and time.monotonic() < deadline:
        # Stopped first, so that nothing can fork between the listing and the killing.
        _send(remaining(), signal.SIGSTOP)
        _send(remaining(), signal.SIGKILL)
        _wait(remaining, _POLL_SECONDS)


def _wait(remaining: Callable[[], Mapping[int, str]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while remaining() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 2)


def _reap(runner: subprocess.Popen[bytes]) -> None:
    """Reap adopted orphans that have ended; the runner's status is left to `Popen`."""
    for pid, parent, _ in _processes():
        if parent == os.getpid() and pid != runner.pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _tree(roots: Sequence[int]) -> dict[int, str]:
    """Return the start time of each root, by default this process's children, and descendant."""
    table = _processes()
    started = {pid: start for pid, _, start in table}
    found = {pid: started[pid] for pid in roots if pid in started}
    parents = set(roots) or {os.getpid()}
    while True:
        children = [pid for pid, parent, _ in table if parent in parents and pid not in found]
        if not children:
            return found
        found |= {pid: started[pid] for pid in children}
        parents |= set(children)


def _processes() -> list[tuple[int, int, str]]:
    """Return id, parent and start time of each process; nothing where there is no /proc."""
    names = [path.name for path in Path("/proc").iterdir()] if _LINUX else []
    return [found for name in names if name.isdigit() and (found := _process(name))]


def _process(name: str) -> tuple[int, int, str] | None:
    try:
        content = Path("/proc", name, "stat").read_bytes()
    except OSError:
        return None
    # The program's name, in parentheses, may contain anything, also parentheses.
    fields = content.rpartition(b")")[2].split()
    state, parent, threads, start = fields[0], int(fields[1]), int(fields[17]), fields[19]
    # A process whose first thread has ended looks dead, although its other threads run.
    dead = state in (b"Z", b"X") and threads <= 1
    return None if dead and parent != os.getpid() else (int(name), parent, start.decode())


def _send(processes: Mapping[int, str], number: signal.Signals) -> None:
    for pid, start in processes.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not start:  # our own child, which is not reaped yet
                (os.kill if _LINUX else os.killpg)(pid, number)
                continue
            descriptor = os.pidfd_open(pid)
            try:
                found = _process(str(pid))
                if found and found[2] == start:  # the id does not belong to another process now
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)


def _end_by_signal(number: int) -> int:
    """End by the signal that ended the runner, without a core dump of this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
