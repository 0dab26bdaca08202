"""Read a runner's answers and its log within limits, because it may send anything."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import IO

from isthmus_contracts import ContractError
from isthmus_contracts.formatting import printable
from isthmus_contracts.protocol import Answer, Graph, decode_answer, graph_problem
from isthmus_platform.errors import RunnerError
from isthmus_platform.runners.sanitize import sanitize_answer

_MAX_LINE_BYTES = 16 << 20
_MAX_ANSWERS = 100_000
_MAX_ANSWER_BYTES = 64 << 20
_MAX_LINE_VALUES = 600_000  # twice what the largest graph has that the protocol allows
_MAX_VALUES = 2_000_000
_MAX_LOG_LINE_BYTES = 64 << 10
_MAX_LOG_BYTES = 64 << 20


def read_answers(stream: IO[bytes], command: str) -> Iterator[Answer]:
    """Yield each answer, with control characters and newlines in its texts escaped.

    Raise `RunnerError` for a line that is not an answer, for too many or too long lines, and if the
    supervisor reports that the command cannot be run.
    """
    count = size = values = 0
    while line := stream.readline(_MAX_LINE_BYTES):
        # Values cost far more than bytes when they are decoded; commas and brackets bound them.
        in_line = sum(map(line.count, (b",", b"[", b"{")))
        count, size, values = count + 1, size + len(line), values + in_line
        _check_limits(line, in_line, count, size, values)
        if line.startswith(b'{"supervisor":'):
            with contextlib.suppress(ValueError, KeyError):
                reason = printable(str(json.loads(line)["supervisor"]))
                raise RunnerError(f"the runner's command {command!r} cannot be run: {reason}")
        try:
            answer = decode_answer(line.decode("utf-8", "replace"))
            if isinstance(answer, Graph) and (problem := graph_problem(answer)) is not None:
                raise RunnerError(f"the runner broke the protocol: {printable(problem)}")
            yield sanitize_answer(answer)
        except ContractError as error:
            raise RunnerError(f"the runner broke the protocol: {printable(str(error))}") from None


def relay_log(stream: IO[bytes] | None, log: Callable[[str], None]) -> None:
    """Pass each line to `log`, escaped; beyond the limit, read on and drop the lines."""
    if stream is None:
        return
    size = 0
    with stream:
        while line := stream.readline(_MAX_LOG_LINE_BYTES):
            size += len(line)
            if size <= _MAX_LOG_BYTES:
                log(printable(line.decode("utf-8", "replace").rstrip()))
            elif size - len(line) <= _MAX_LOG_BYTES:
                log(f"the rest is omitted: the log has more than {_MAX_LOG_BYTES:,} bytes")


def _check_limits(line: bytes, in_line: int, count: int, size: int, values: int) -> None:
    if len(line) >= _MAX_LINE_BYTES:
        problem = f"a line is longer than {_MAX_LINE_BYTES:,} bytes"
    elif in_line > _MAX_LINE_VALUES:
        problem = f"a line has more than {_MAX_LINE_VALUES:,} values"
    elif values > _MAX_VALUES:
        problem = f"its answers have more than {_MAX_VALUES:,} values"
    elif count > _MAX_ANSWERS:
        problem = f"it sent more than {_MAX_ANSWERS:,} answers"
    elif size > _MAX_ANSWER_BYTES:
        problem = f"its answers have more than {_MAX_ANSWER_BYTES:,} bytes"
    else:
        return
    raise RunnerError(f"the runner broke the protocol: {problem}")
