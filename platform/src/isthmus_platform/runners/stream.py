"""Listening to a runner, within limits: it may say anything, and as much as it likes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import IO

from isthmus_contracts import ProtocolError
from isthmus_contracts.protocol import Answer, decode_answer
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.sanitize import escape, escape_answer

_LONGEST_LINE = 16 << 20
_MOST_ANSWERS = 100_000
_MOST_ANSWER_BYTES = 64 << 20
_LONGEST_LOG_LINE = 64 << 10
_MOST_LOG_BYTES = 64 << 20


def read_answers(stream: IO[bytes], command: str) -> Iterator[Answer]:
    """Yield each answer, with texts escaped.

    Raise `RunnerError` for a line that is none, for too many or too long ones, and if the
    supervisor says that the command cannot be run.
    """
    count = size = 0
    while line := stream.readline(_LONGEST_LINE):
        count, size = count + 1, size + len(line)
        _check_limits(line, count, size)
        if line.startswith(b'{"supervisor":'):
            with contextlib.suppress(ValueError, KeyError):
                reason = escape(str(json.loads(line)["supervisor"]))
                raise RunnerError(f"the runner's command {command!r} cannot be run: {reason}")
        try:
            yield escape_answer(decode_answer(line.decode("utf-8", "replace")))
        except ProtocolError as error:
            raise RunnerError(f"the runner broke the protocol: {escape(str(error))}") from None


def relay_log(stream: IO[bytes] | None, log: Callable[[str], None]) -> None:
    """Pass each line on, escaped, until there are too many; then read on and leave them out."""
    if stream is None:
        return
    size = 0
    with stream:
        while line := stream.readline(_LONGEST_LOG_LINE):
            size += len(line)
            if size <= _MOST_LOG_BYTES:
                log(escape(line.decode("utf-8", "replace").rstrip()))
            elif size - len(line) <= _MOST_LOG_BYTES:
                log(f"the rest is left out: its log has more than {_MOST_LOG_BYTES:,} bytes")


def _check_limits(line: bytes, count: int, size: int) -> None:
    if len(line) >= _LONGEST_LINE:
        problem = f"a line is longer than {_LONGEST_LINE:,} bytes"
    elif count > _MOST_ANSWERS:
        problem = f"it sent more than {_MOST_ANSWERS:,} answers"
    elif size > _MOST_ANSWER_BYTES:
        problem = f"its answers have more than {_MOST_ANSWER_BYTES:,} bytes"
    else:
        return
    raise RunnerError(f"the runner broke the protocol: {problem}")
