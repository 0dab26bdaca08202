"""The runner: a process that serves one `RunRequest`, as `isthmus_contracts.protocol` says.

`python -m isthmus_transforms.runner` is started by the platform; it takes no arguments.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn, TextIO

from isthmus_contracts.protocol import Answer, answer_version, encode


def main() -> NoReturn:
    """Serve the request on standard input, and exit."""
    answers = _claim_standard_output()
    line = _read_request()
    version = answer_version(line)

    # Only now, for it takes a second in which the platform may go away.
    from isthmus_transforms.serving import serve  # noqa: PLC0415

    def send(answer: Answer) -> None:
        answers.write(encode(answer, version) + "\n")
        answers.flush()

    status = serve(line, send)
    # A thread that a function has left running would keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _claim_standard_output() -> TextIO:
    """Keep standard output for answers: what functions print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _read_request() -> str:
    """Return the request's line, and from then on stop when standard input closes."""
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    line = requests.readline()
    threading.Thread(target=_stop_with_platform, args=(requests,), daemon=True).start()
    return line


def _stop_with_platform(requests: TextIO) -> None:
    requests.read()
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(4)


if __name__ == "__main__":
    main()
