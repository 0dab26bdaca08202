"""A runner's process: it is told what to do, listened to, and never outlives its task.

A supervisor, `supervisor.py`, is the runner's parent: it ends the runner and all that descends from
it when its standard input ends. What is left to this module is to listen, within limits, and to end
what a runner that has turned against its supervisor leaves behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from isthmus_contracts.protocol import (
    Answer,
    RunFailure,
    RunRequest,
    RunResult,
    encode,
)
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.limits import Limits
from isthmus_platform.runners.process_tree import ProcessTree, is_frozen
from isthmus_platform.runners.stream import read_answers, relay_log
from isthmus_platform.runners.unix_user import (
    SUPERVISOR_ENVIRONMENT,
    UnixUser,
    check_user,
    supervisor_command,
    user_order,
)

_GUARD_SECONDS = 8.0
_PATIENCE_SECONDS = 3.0
_WATCH_SECONDS = 0.2
_EXIT_SECONDS = 30.0
_UMASK = 0o007


class RunnerProcess:
    """Run one request in a process of its own; `stop` may be called from a signal handler.

    Started before there is a request, it loads meanwhile what it will need.
    """

    def __init__(  # noqa: PLR0913 - what it runs and where, as whom, within which limits
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        staging: Path,
        *,
        user: UnixUser | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._directory = directory
        self._user = user
        self._limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = 0
        self._process_tree = ProcessTree(user)
        self._line: list[int] = []
        self._written = (directory, staging)
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._broken: str | None = None

    def start(self, log: Callable[[str], None]) -> None:
        """Start the runner; whoever does has to `close` it.

        `log` gets each line of its standard error, from another thread; what would steer a terminal
        is escaped in it. Raise `RunnerError` if it cannot be started.
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

    def run(self, request: RunRequest, hear: Callable[[Answer], None]) -> RunResult | RunFailure:
        """Return the runner's result or failure; nothing that it started runs any more then.

        `hear` gets each answer, in which is escaped what would steer a terminal. Raise
        `RunnerError` if it breaks the protocol or a limit, ends without either, or cannot be
        stopped; `DeploymentError` if its user may not read what the request names.
        """
        process = self._process
        if process is None:
            raise RunnerError("the runner was not started")
        if self._user is not None and self._user.uid != os.geteuid():
            files = [file for table_input in request.inputs.values() for file in table_input]
            check_user(self._user, (), [*files, *request.intermediates])
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
            if lingering.is_alive():
                lingering.join()
            self.close()
        if self._process_tree.of(process):
            raise RunnerError("the runner left processes behind that cannot be stopped")
        self._broken = self._broken or self._limits.written_too_much(self._written)
        if self._broken is not None:
            raise RunnerError(self._broken)
        return self._checked(end, status, request)

    def close(self) -> None:
        """Stop the runner if it runs, and wait until nobody listens to it and watches it."""
        self.stop()
        self._ended.set()
        for thread, patience in zip(self._threads, (None, _PATIENCE_SECONDS), strict=False):
            # The watcher ends processes that it does not know, which may be the next runner's.
            thread.join(patience)
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> None:
        """Stop the runner and everything that it started: politely at first, for at most 3 s."""
        process = self._process
        if process is None:
            return
        self._stopped = self._stopped or process.poll() is None
        # The end of its standard input tells the supervisor to end the tree.
        with contextlib.suppress(IndexError):
            os.close(self._line.pop())
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GUARD_SECONDS)
        self._process_tree.end(process)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Stop a runner that exceeds its limits or that nobody waits for; help its supervisor.

        Who has started this process tells it to stop, and cannot when it was killed itself.
        """
        while not self._ended.wait(_WATCH_SECONDS):
            if os.getppid() != self._parent:
                self.stop()
                return
            if process.poll() is not None or is_frozen(process):
                self._process_tree.end(process)
                return
            self._broken = self._limits.written_too_much(self._written)
            if self._broken is None and self._limits.memory is not None:
                self._broken = self._limits.held_too_much(self._process_tree.of(process))
            if self._broken is not None:
                self.stop()
                return

    def _start(self) -> subprocess.Popen[bytes]:
        order = user_order(self._user) | {
            "command": [self._program(), *self._command[1:]],
            "environment": self._environment,
            "directory": str(self._directory.absolute()),
            "umask": -1 if self._user is None else _UMASK,
            "file_bytes": self._limits.disk,
        }
        inward, outward = os.pipe()
        try:
            process = subprocess.Popen(
                supervisor_command(self._user, "run"),
                # The runner's own environment travels by pipe, where no `ps` shows it.
                env=SUPERVISOR_ENVIRONMENT,
                cwd="/",
                stdin=inward,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            os.close(outward)
            raise RunnerError(f"the runner's supervisor cannot be run: {error.strerror}") from error
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
        if self._user is not None:
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
        for answer in read_answers(process.stdout, self._command[0]):
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


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; if the reader has died already, its output and its status say why."""
    with contextlib.suppress(BrokenPipeError):
        while data:
            data = data[os.write(descriptor, data) :]
