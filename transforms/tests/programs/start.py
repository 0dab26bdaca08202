"""Where the time around the functions goes: a program that does what a runner does, step by step.

`python start.py STARTED < REQUEST` prints a JSON object of seconds, by step; `STARTED` is when the
process was started, in seconds since 1970.
"""

from __future__ import annotations

import gc
import json
import sys
import time

_RUNS = time.time()


class Marks:
    """Note what each step took since the one before."""

    def __init__(self, started: float) -> None:
        self.seconds: dict[str, float] = {}
        self._last = started

    def note(self, step: str, at: float | None = None) -> None:
        """End a step, now or at some time."""
        now = time.time() if at is None else at
        self.seconds[step] = now - self._last
        self._last = now


def main(started: float) -> dict[str, float]:
    """Import and serve as `isthmus_transforms.runner` does."""
    marks = Marks(started)
    marks.note("interpreter", _RUNS)
    from isthmus_contracts.protocol import (  # noqa: PLC0415 - that is measured, as all below
        Answer,
        Graph,
        NodeFinished,
        NodeStarted,
        decode_request,
    )
    from isthmus_transforms import runner  # noqa: PLC0415

    line = sys.stdin.readline()
    marks.note("contracts")
    gc.disable()
    import pandas as pd  # noqa: F401, PLC0415

    marks.note("pandas")
    import hamilton.driver  # noqa: F401, PLC0415

    marks.note("Hamilton")
    from isthmus_transforms.request_handler import load_dataflow, serve  # noqa: PLC0415

    marks.note("runtime")
    load_dataflow(decode_request(line).dataflow)
    marks.note("dataflow")
    finished = 0.0

    def on_event(answer: Answer) -> None:
        nonlocal finished
        if isinstance(answer, Graph):
            marks.note("graph and inputs")
        elif isinstance(answer, NodeStarted) and "first node" not in marks.seconds:
            marks.note("first node", answer.at)
        elif isinstance(answer, NodeFinished):
            finished = answer.at

    status = serve(line, on_event, on_loaded=runner.enable_garbage_collection)
    assert status == 0, status
    marks.note("functions", finished)
    marks.note("outputs")
    return marks.seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(float(sys.argv[1]))))
