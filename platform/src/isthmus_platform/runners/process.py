"""A runner's process: send it a request, read its answers, and never let it outlive its task.

The supervisor, `supervisor.py`, is the runner's parent: when its standard input ends, it ends the
runner and all descendants. This module watches the limits, and kills the descendants of a runner
that has killed or stopped its supervisor.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from isthmus_contracts.protocol import (
    Answer,
    Capabilities,
    CapabilitiesRequest,
    Request,
    RunFailure,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.confinement import Access
from isthmus_platform.runners.limits import Limits
from isthmus_platform.runners.process_tree import ProcessTree, is_stopped
from isthmus_platform.runners.stream import read_answers, relay_log
from isthmus_platform.runners.unix_user import (
    SUPERVISOR_ENVIRONMENT,
    UnixUser,
    check_user,
    supervisor_command,
    user_spec,
)

_SUPERVISOR_SECONDS = 8.0
_JOIN_SECONDS = 3.0
_WATCH_SECONDS = 0.2
_EXIT_SECONDS = 30.0
_UMASK = 0o007

_End: TypeAlias = RunResult | RunFailure | Capabilities


class RunnerProcess:
    """Run one request in a process of its own; `stop` may be called from a signal handler.

    Started before there is a request, the runner loads its libraries meanwhile.
    """

    def __init__(  # noqa: PLR0913 - what runs and where, as which user, within which bounds
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        staging: Path,
        *,
        user: UnixUser | None = None,
        limits: Limits | None = None,
        access: Access | None = None,
    ) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._directory = directory
        self._user = user
        self._limits = limits or Limits()
        self._access = access
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = 0
        self._process_tree = ProcessTree(user)
        self._input: list[int] = []
        self._writable = (directory, staging)
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._limit_problem: str | None = None

    @property
    def warning(self) -> str | None:
        """Return which bounds this host's kernel does not enforce, or None if it enforces all."""
        return None if self._access is None else self._access.warning()

    def start(self, log: Callable[[str], None]) -> None:
        """Start the runner, which has to be closed by `close`.

        `log` gets each line of its standard error, from another thread, with control characters
        escaped. Raise `RunnerError` if the runner cannot be started.
        """
        self._parent = os.getppid()
        process = self._process = self._start()
        for target, arguments in (
            (self._watch, (process,)),
            (relay_log, (process.stderr, log)),
        ):
            thread = threading.Thread(target=target, args=arguments, daemon=True)
            thread.start()
            self._threads.append(thread)

    def run(
        self, request: RunRequest, on_answer: Callable[[Answer], None]
    ) -> RunResult | RunFailure:
        """Return the runner's result or failure, after all its processes have ended.

        `on_answer` gets each answer, with control characters and newlines escaped. Raise
        `RunnerError` if the runner breaks the protocol or a limit, ends without a result or
        failure, or cannot be stopped; `DeploymentError` if its user may not read a file that the
        request names.
        """
        if self._user is not None and self._user.uid != os.geteuid():
            files = [file for paths in request.inputs.values() for file in paths]
            check_user(self._user, (), [*files, *request.intermediates])
        end = self._exchange(request, on_answer)
        if isinstance(end, Capabilities):
            raise RunnerError("the runner answered the request of a run with its capabilities")
        if isinstance(end, RunResult) and end.identity != request.identity:
            raise RunnerError(f"the runner answered for {end.identity}")
        return end

    def capabilities(self) -> Capabilities:
        """Return what the runner states that it can do; raise `RunnerError` as `run` does."""
        end = self._exchange(CapabilitiesRequest(), lambda _: None)
        if not isinstance(end, Capabilities):
            problem = end.message if isinstance(end, RunFailure) else "it sent the result of a run"
            raise RunnerError(f"the runner does not state its capabilities: {problem}")
        return end

    def _exchange(self, request: Request, on_answer: Callable[[Answer], None]) -> _End:
        """Send the request; return the last answer after all the runner's processes have ended."""
        process = self._process
        if process is None:
            raise RunnerError("the runner was not started; call `start` first")
        exit_timer = threading.Timer(_EXIT_SECONDS, self.stop)
        try:
            end = self._read_answers(process, request, on_answer, exit_timer)
            status = process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise RunnerError(
                f"the runner closed its standard output and did not exit in {_EXIT_SECONDS:g} s"
            ) from None
        finally:
            exit_timer.cancel()
            if exit_timer.is_alive():
                exit_timer.join()
            self.close()
        if self._process_tree.descendants(process):
            raise RunnerError("the runner left processes that cannot be stopped")
        self._limit_problem = self._limit_problem or self._limits.disk_problem(
            self._writable, self._user
        )
        if self._limit_problem is not None:
            raise RunnerError(self._limit_problem)
        return self._checked(end, status)

    def close(self) -> None:
        """Stop the runner if it runs, and wait for the threads that read and watch it."""
        self.stop()
        self._closed.set()
        for thread, seconds in zip(self._threads, (None, _JOIN_SECONDS), strict=False):
            # The watcher must have ended: it would kill the processes of the next runner.
            thread.join(seconds)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> None:
        """Stop the runner and all its descendants: by SIGTERM, and after 3 s by SIGKILL."""
        process = self._process
        if process is None:
            return
        self._stopped = self._stopped or process.poll() is None
        # The supervisor ends the process tree when its standard input ends.
        with contextlib.suppress(IndexError):
            os.close(self._input.pop())
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SUPERVISOR_SECONDS)
        self._process_tree.kill(process)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Stop a runner that exceeds its limits, or whose supervisor or platform has ended.

        This process's parent stops the task, and cannot do so if it was killed itself.
        """
        seconds = 0.0
        # Measuring takes a fifth of the time at most, however much there is to measure.
        while not self._closed.wait(max(_WATCH_SECONDS, 4 * seconds)):
            start = time.monotonic()
            if os.getppid() != self._parent:
                self.stop()
                return
            if process.poll() is not None or is_stopped(process):
                self._process_tree.kill(process)
                return
            self._limit_problem = self._limits.disk_problem(self._writable, self._user)
            if self._limit_problem is None and self._limits.memory is not None:
                self._limit_problem = self._limits.memory_problem(
                    self._process_tree.descendants(process)
                )
            if self._limit_problem is not None:
                self.stop()
                return
            seconds = time.monotonic() - start

    def _start(self) -> subprocess.Popen[bytes]:
        spec = user_spec(self._user) | {
            "command": [self._program(), *self._command[1:]],
            "environment": self._environment,
            "directory": str(self._directory.absolute()),
            "umask": -1 if self._user is None else _UMASK,
            "file_bytes": self._limits.disk,
            "access": self._access and self._access.spec(),
        }
        read_end, write_end = os.pipe()
        try:
            process = subprocess.Popen(
                supervisor_command(self._user, "run"),
                # The runner's own environment is sent through the pipe, where `ps` cannot show it.
                env=SUPERVISOR_ENVIRONMENT,
                cwd="/",
                stdin=read_end,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            os.close(write_end)
            raise RunnerError(f"the runner's supervisor cannot be run: {error.strerror}") from error
        finally:
            os.close(read_end)
        self._input.append(write_end)
        _write(write_end, f"{json.dumps(spec)}\n".encode())
        return process

    def _program(self) -> str:
        name = self._command[0]
        program = shutil.which(name, path=self._environment.get("PATH"))
        if program is not None:
            return str(Path(program).absolute())
        if self._user is not None:
            return name  # its user may have access to a program that this one has not
        problem = "is not a program that can be run" if Path(name).exists() else "does not exist"
        raise RunnerError(
            f"the runner's command {name!r} {problem}; see `command` in the deployment's [runners]"
        )

    def _read_answers(
        self,
        process: subprocess.Popen[bytes],
        request: Request,
        on_answer: Callable[[Answer], None],
        exit_timer: threading.Timer,
    ) -> _End | None:
        if process.stdout is None:
            raise RunnerError("the runner was started without pipes")
        for descriptor in self._input[:]:  # none if it was stopped already
            _write(descriptor, f"{encode(request)}\n".encode())
        end: _End | None = None
        for answer in read_answers(process.stdout, self._command[0]):
            if end is not None:
                raise RunnerError(
                    f"the runner sent more after its result or failure: {answer!r:.80}"
                )
            if isinstance(answer, _End):
                end = answer
                exit_timer.start()
            on_answer(answer)
        return end

    def _checked(self, end: _End | None, status: int) -> _End:
        how = f"was ended by signal {-status}" if status < 0 else f"exited with {status}"
        if end is None:
            reason = "; it was stopped from outside" if self._stopped else ""
            raise RunnerError(f"the runner {how} and sent no result{reason}")
        if not isinstance(end, RunFailure) and status != 0:
            raise RunnerError(f"the runner {how} after it sent a result")
        return end


def _write(descriptor: int, data: bytes) -> None:
    """Write all data; if the reader has ended already, its output and status say why."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(descriptor, data) :]
