"""The runner: a process that serves one `RunRequest`, as `isthmus_contracts.protocol` says.

`python -m isthmus_transforms.runner` is started by the platform; it takes no arguments.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import NoReturn, TextIO

from isthmus_contracts.protocol import (
    DATAFLOW_VARIABLE,
    Answer,
    NodeFinished,
    NodeStarted,
    answer_version,
    encode,
)


def main() -> NoReturn:
    """Serve the request on standard input, and exit."""
    faulthandler.enable()  # what dies in C code names its function
    answers = _claim_standard_output()
    wait_for_request = _listen()

    # What is imported stays: to look through it for garbage takes a tenth of the start.
    gc.disable()
    # Only now, for it takes a second in which the platform may go away.
    from isthmus_transforms.request_handler import load_ahead, serve  # noqa: PLC0415

    failed = load_ahead(os.environ.get(DATAFLOW_VARIABLE))
    line = wait_for_request()
    send = Outbox(answers, answer_version(line)).send
    status = serve(line, send, loaded=collect_from_now_on, failed=failed)
    # A thread that a function has left running would keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def collect_from_now_on() -> None:
    """Look for garbage among what is made from now on."""
    gc.freeze()
    gc.enable()


_QUICK = (NodeStarted, NodeFinished)


class Outbox:
    """Send answers in order, those of quick nodes several at once: a write costs more than many do.

    None waits longer than `patience` seconds, unless a function holds the interpreter.
    """

    def __init__(self, stream: TextIO, version: int, patience: float = 0.05) -> None:
        self._stream = stream
        self._version = version
        self._patience = patience
        self._lines: list[str] = []
        self._sent = 0.0
        self._lock = threading.Lock()
        threading.Thread(target=self._send_late_ones, daemon=True).start()

    def send(self, answer: Answer) -> None:
        """Send an answer, or keep it until the next."""
        line = encode(answer, self._version)
        with self._lock:
            self._lines.append(line)
            if not isinstance(answer, _QUICK) or time.monotonic() - self._sent > self._patience:
                self._flush()

    def _send_late_ones(self) -> None:
        with suppress(OSError, ValueError):  # whoever sends next is told
            while True:
                time.sleep(self._patience)
                with self._lock:
                    if self._lines:
                        self._flush()

    def _flush(self) -> None:
        self._stream.write("\n".join(self._lines) + "\n")
        self._stream.flush()
        self._lines.clear()
        self._sent = time.monotonic()


def _claim_standard_output() -> TextIO:
    """Keep standard output for answers: what functions print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _listen() -> Callable[[], str]:
    """Return how to wait for the request's line; from now on stop when standard input closes."""
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_stop_with_platform, args=(requests, lines), daemon=True).start()
    return lines.get


def _stop_with_platform(requests: TextIO, lines: SimpleQueue[str]) -> None:
    lines.put(requests.readline())
    requests.read()
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(4)


if __name__ == "__main__":
    main()
