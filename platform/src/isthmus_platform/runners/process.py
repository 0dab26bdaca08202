"""A runner's process: it is told what to do, listened to, and never outlives its task.

A guard, `guard.py`, is the runner's parent: it ends the runner and all that descends from it when
its standard input ends. What is left to this module is to listen, within limits, and to end what a
runner that has turned against its guard leaves behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from isthmus_contracts.protocol import (
    Answer,
    RunFailure,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.account import (
    GUARD_ENVIRONMENT,
    Account,
    guard_command,
    order_for,
)
from isthmus_platform.runners.limits import Limits
from isthmus_platform.runners.listening import answers_from, relay_log

_GUARD_SECONDS = 8.0
_PATIENCE_SECONDS = 3.0
_ROUND_SECONDS = 0.1
_WATCH_SECONDS = 0.2
_EXIT_SECONDS = 30.0
_UMASK = 0o007
_PR_SET_CHILD_SUBREAPER = 36


class RunnerProcess:
    """Run one request in a process of its own; `stop` may be called from a signal handler."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        *,
        account: Account | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._directory = directory
        self._account = account
        self._limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = 0
        self._before: list[psutil.Process] = []
        self._line: list[int] = []
        self._stopped = False
        self._broken: str | None = None

    def run(
        self,
        request: RunRequest,
        hear: Callable[[Answer], None],
        log: Callable[[str], None],
    ) -> RunResult | RunFailure:
        """Return the runner's result or failure; nothing that it started runs any more then.

        `hear` gets each answer, `log` each line of its standard error, from another thread; what
        would steer a terminal is escaped in both. Raise `RunnerError` if it cannot be started,
        breaks the protocol or a limit, ends without either, or cannot be stopped.
        """
        _adopt_orphans()
        self._parent = os.getppid()
        self._before = psutil.Process().children(recursive=True)
        process = self._process = self._start()
        listener = threading.Thread(target=relay_log, args=(process.stderr, log), daemon=True)
        listener.start()
        ended = threading.Event()
        spool = Path(request.spool)
        watcher = threading.Thread(target=self._watch, args=(process, spool, ended), daemon=True)
        watcher.start()
        lingering = threading.Timer(_EXIT_SECONDS, self.stop)
        try:
            end = self._converse(process, request, hear, lingering)
            status = process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise RunnerError(
                f"the runner closed its standard output and did not exit in {_EXIT_SECONDS:g} s"
            ) from None
        finally:
            lingering.cancel()
            self.stop()
            ended.set()
            # They end processes that they do not know, which may be the next runner's.
            for thread in (lingering, watcher):
                if thread.is_alive():
                    thread.join()
            listener.join(_PATIENCE_SECONDS)
            if process.stdout is not None:
                process.stdout.close()
        if self._offspring(process):
            raise RunnerError("the runner left processes behind that cannot be stopped")
        self._broken = self._broken or self._limits.written_too_much((spool, self._directory))
        if self._broken is not None:
            raise RunnerError(self._broken)
        return self._checked(end, status, request)

    def stop(self) -> None:
        """Stop the runner and everything that it started: politely at first, for at most 3 s."""
        process = self._process
        if process is None:
            return
        self._stopped = self._stopped or process.poll() is None
        # The end of its standard input tells the guard to end the tree.
        with contextlib.suppress(IndexError):
            os.close(self._line.pop())
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GUARD_SECONDS)
        self._sweep(process)

    def _sweep(self, process: subprocess.Popen[bytes]) -> None:
        """End what a guard that was killed or frozen could not, and the guard."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            left = self._offspring(process)
            if process.poll() is None:
                left.append(psutil.Process(process.pid))
            if not left:
                return
            # Frozen first, so that nothing can fork away between being listed and being killed.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for each in left:
                    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                        each.send_signal(number)
            if self._account and not self._account.switched:
                self._end_from_their_side(left)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ROUND_SECONDS)
            psutil.wait_procs(
                [each for each in left if each.pid != process.pid], timeout=_ROUND_SECONDS
            )

    def _end_from_their_side(self, left: Sequence[psutil.Process]) -> None:
        command = guard_command(self._account, "end", *(str(each.pid) for each in left))
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            null = subprocess.DEVNULL
            subprocess.run(
                command,
                stdin=null,
                stdout=null,
                stderr=null,
                env=GUARD_ENVIRONMENT,
                timeout=8,
                check=False,
            )

    def _offspring(self, process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return what descends from the guard, be it in another session or adopted by now."""
        ours = psutil.Process().children(recursive=True)
        return [each for each in ours if each not in self._before and each.pid != process.pid]

    def _watch(self, process: subprocess.Popen[bytes], spool: Path, ended: threading.Event) -> None:
        """Stop a runner that takes too much, or for which nobody waits; help the guard to end it.

        Who has started this process tells it to stop, and cannot when it was killed itself.
        """
        while not ended.wait(_WATCH_SECONDS):
            if os.getppid() != self._parent:
                self.stop()
                return
            if process.poll() is not None or _is_frozen(process):
                self._sweep(process)
                return
            self._broken = self._limits.written_too_much((spool, self._directory))
            if self._broken is None and self._limits.memory is not None:
                self._broken = self._limits.held_too_much(self._offspring(process))
            if self._broken is not None:
                self.stop()
                return

    def _start(self) -> subprocess.Popen[bytes]:
        order = order_for(self._account) | {
            "command": [self._program(), *self._command[1:]],
            "environment": self._environment,
            "directory": str(self._directory.absolute()),
            "umask": -1 if self._account is None else _UMASK,
            "file_bytes": self._limits.disk,
        }
        inward, outward = os.pipe()
        try:
            process = subprocess.Popen(
                guard_command(self._account, "run"),
                env=GUARD_ENVIRONMENT,  # the runner's own travels by pipe, where no `ps` shows it
                cwd="/",
                stdin=inward,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            os.close(outward)
            raise RunnerError(f"the runner's guard cannot be run: {error.strerror}") from error
        finally:
            os.close(inward)
        self._line.append(outward)
        _write(outward, f"{json.dumps(order)}\n".encode())
        return process

    def _program(self) -> str:
        name = self._command[0]
        program = shutil.which(name, path=self._environment.get("PATH"))
        if program is not None:
            return str(Path(program).absolute())
        if self._account is not None:
            return name  # perhaps its user sees what we do not
        there = Path(name).exists()
        raise RunnerError(
            f"the runner's command {name!r} "
            f"{'is no program that can be run' if there else 'does not exist'}; "
            "`command` in the deployment's [runners] names it"
        )

    def _converse(
        self,
        process: subprocess.Popen[bytes],
        request: RunRequest,
        hear: Callable[[Answer], None],
        lingering: threading.Timer,
    ) -> RunResult | RunFailure | None:
        if process.stdout is None:
            raise RunnerError("the runner was started without pipes")
        for outward in self._line[:]:  # none if it was stopped already
            _write(outward, f"{encode(request)}\n".encode())
        end: RunResult | RunFailure | None = None
        for answer in answers_from(process.stdout, self._command[0]):
            if end is not None:
                raise RunnerError(f"the runner went on after its end, with {answer!r:.80}")
            if isinstance(answer, RunResult | RunFailure):
                end = answer
                lingering.start()
            hear(answer)
        return end

    def _checked(
        self, end: RunResult | RunFailure | None, status: int, request: RunRequest
    ) -> RunResult | RunFailure:
        said = f"was ended by signal {-status}" if status < 0 else f"exited with {status}"
        if end is None:
            reason = "; it was stopped from outside" if self._stopped else ""
            raise RunnerError(f"the runner {said} and sent no result{reason}")
        if isinstance(end, RunResult):
            if status != 0:
                raise RunnerError(f"the runner {said} after it sent a result")
            if end.identity != request.identity:
                raise RunnerError(f"the runner answered for {end.identity}")
        return end


def _adopt_orphans() -> None:
    """Have the runner's orphans become children of this process, so that none can hide."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _is_frozen(process: subprocess.Popen[bytes]) -> bool:
    """Say whether somebody has stopped the guard, which only its runner has a reason to."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    return False


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; if the reader has died already, its output and its status say why."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(descriptor, data) :]
