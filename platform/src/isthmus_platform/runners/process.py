"""A runner's process: it is told what to do, listened to, and never outlives its task."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from isthmus_contracts import ProtocolError
from isthmus_contracts.protocol import (
    Answer,
    RunFailure,
    RunRequest,
    RunResult,
    decode_answer,
    encode,
)
from isthmus_platform.errors import RunnerError

_LONGEST_LINE = 16 << 20
_PATIENCE_SECONDS = 3.0
_ROUND_SECONDS = 0.1
_EXIT_SECONDS = 30.0
_LONGEST_LOG_LINE = 64 << 10
_PR_SET_CHILD_SUBREAPER = 36


class RunnerProcess:
    """Run one request in a process of its own; `stop` may be called from a signal handler."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._before: list[psutil.Process] = []
        self._stopped = False

    def run(
        self,
        request: RunRequest,
        hear: Callable[[Answer], None],
        log: Callable[[str], None],
    ) -> RunResult | RunFailure:
        """Return the runner's result or failure; nothing that it started runs any more then.

        `hear` gets each answer, `log` each line of its standard error, from another thread. Raise
        `RunnerError` if it cannot be started, breaks the protocol, ends without either, or cannot
        be stopped.
        """
        _adopt_orphans()
        self._before = psutil.Process().children(recursive=True)
        process = self._process = self._start()
        listener = threading.Thread(target=_relay, args=(process.stderr, log), daemon=True)
        listener.start()
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
            listener.join(_PATIENCE_SECONDS)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _close(stream)
        if self._offspring(process):
            raise RunnerError("the runner left processes behind that cannot be stopped")
        return self._checked(end, status, request)

    def stop(self) -> None:
        """Stop the runner and everything that it started: politely at first, for at most 3 s."""
        process = self._process
        if process is None:
            return
        self._stopped = self._stopped or process.poll() is None
        self._signal(process, signal.SIGTERM, _PATIENCE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and (process.poll() is None or self._offspring(process)):
            # Frozen first, so that nothing can fork away between being listed and being killed.
            self._signal(process, signal.SIGSTOP, 0)
            self._signal(process, signal.SIGKILL, _ROUND_SECONDS)

    def _signal(
        self, process: subprocess.Popen[bytes], number: signal.Signals, patience: float
    ) -> None:
        """Send a signal to all that runs, and wait for their end as long as `patience` says."""
        offspring = self._offspring(process)
        process.send_signal(number)
        for each in offspring:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)
        deadline = time.monotonic() + patience
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
        psutil.wait_procs(offspring, timeout=max(0, deadline - time.monotonic()))

    def _offspring(self, process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Return what the runner started, be it in another session or without a parent by now."""
        ours = psutil.Process().children(recursive=True)
        return [each for each in ours if each not in self._before and each.pid != process.pid]

    def _start(self) -> subprocess.Popen[bytes]:
        program = shutil.which(self._command[0], path=self._environment.get("PATH"))
        if program is None:
            there = Path(self._command[0]).exists()
            raise RunnerError(
                f"the runner's command {self._command[0]!r} "
                f"{'is no program that can be run' if there else 'does not exist'}; "
                "`command` in the deployment's [runners] names it"
            )
        try:
            return subprocess.Popen(
                [str(Path(program).absolute()), *self._command[1:]],
                env=self._environment,
                cwd=self._directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise RunnerError(
                f"the runner's command {self._command[0]!r} cannot be run: {error.strerror}"
            ) from error

    def _converse(
        self,
        process: subprocess.Popen[bytes],
        request: RunRequest,
        hear: Callable[[Answer], None],
        lingering: threading.Timer,
    ) -> RunResult | RunFailure | None:
        if process.stdin is None or process.stdout is None:
            raise RunnerError("the runner was started without pipes")
        # If it has died already, its standard output and its status say why.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{encode(request)}\n".encode())
            process.stdin.flush()
        end: RunResult | RunFailure | None = None
        while line := process.stdout.readline(_LONGEST_LINE):
            try:
                answer = decode_answer(line.decode("utf-8", "replace"))
            except ProtocolError as error:
                raise RunnerError(f"the runner broke the protocol: {error}") from None
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


def _relay(stream: IO[bytes] | None, log: Callable[[str], None]) -> None:
    if stream is not None:
        with stream:
            while line := stream.readline(_LONGEST_LOG_LINE):
                log(line.decode("utf-8", "replace").rstrip())


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()
