"""The runner: a process that answers one `RunRequest`, as `isthmus_contracts.protocol` says.

The platform starts `python -m isthmus_transforms.runner`, without arguments.
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
    """Answer the request on standard input, and exit."""
    faulthandler.enable()  # a crash in C code then names its function
    answers = _claim_standard_output()
    wait_for_request = _listen()

    # Modules stay loaded: searching them for garbage takes a tenth of the start.
    gc.disable()
    # This import takes a second, in which the platform may end; `_listen` already watches for that.
    from isthmus_transforms.request_handler import preload, serve  # noqa: PLC0415

    failed = preload(os.environ.get(DATAFLOW_VARIABLE))
    line = wait_for_request()
    send = Outbox(answers, answer_version(line)).send
    status = serve(line, send, on_loaded=enable_garbage_collection, failed=failed)
    # A thread that a function left running would keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def enable_garbage_collection() -> None:
    """Collect garbage among objects that are created from now on."""
    gc.freeze()
    gc.enable()


_BATCHED = (NodeStarted, NodeFinished)


class Outbox:
    """Send answers in order, and events of fast nodes in batches: a write takes longer than a node.

    No answer waits longer than `max_delay` seconds, unless a function holds the interpreter lock.
    """

    def __init__(self, stream: TextIO, version: int, max_delay: float = 0.05) -> None:
        self._stream = stream
        self._version = version
        self._max_delay = max_delay
        self._lines: list[str] = []
        self._sent = 0.0
        self._lock = threading.Lock()
        threading.Thread(target=self._flush_periodically, daemon=True).start()

    def send(self, answer: Answer) -> None:
        """Send an answer, or buffer it until the next."""
        line = encode(answer, self._version)
        with self._lock:
            self._lines.append(line)
            if not isinstance(answer, _BATCHED) or time.monotonic() - self._sent > self._max_delay:
                self._flush()

    def _flush_periodically(self) -> None:
        with suppress(OSError, ValueError):  # the next `send` raises it
            while True:
                time.sleep(self._max_delay)
                with self._lock:
                    if self._lines:
                        self._flush()

    def _flush(self) -> None:
        self._stream.write("\n".join(self._lines) + "\n")
        self._stream.flush()
        self._lines.clear()
        self._sent = time.monotonic()


def _claim_standard_output() -> TextIO:
    """Return standard output for answers; what functions print goes to standard error instead."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _listen() -> Callable[[], str]:
    """Return a function that waits for the request; from now on, closed standard input ends us."""
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    lines: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_exit_with_platform, args=(requests, lines), daemon=True).start()
    return lines.get


def _exit_with_platform(requests: TextIO, lines: SimpleQueue[str]) -> None:
    lines.put(requests.readline())
    requests.read()
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(4)


if __name__ == "__main__":
    main()
