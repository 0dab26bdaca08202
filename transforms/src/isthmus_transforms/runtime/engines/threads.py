"""Threads: for functions that let go of the interpreter, as NumPy, pandas and Arrow often do."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeAlias

from isthmus_transforms.runtime.calls import Outcome, outcome_of
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.steps import Step

_Job: TypeAlias = tuple[Future[Outcome], Step, Mapping[str, object]]


class Threads:
    """Call functions in threads of this process.

    A thread cannot be ended from outside. So that a run may end at once, these are such that
    nobody waits for: a `ThreadPoolExecutor` would be waited for when the interpreter exits.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        for number in range(width):
            name = f"isthmus-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Begin a call."""
        future: Future[Outcome] = Future()
        self._jobs.put((future, step, arguments))
        return future

    def close(self) -> None:
        """Have each thread end after the call that it is in."""
        for _ in range(self.width):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, step, arguments = job
            future.set_result(outcome_of(step, arguments))
            del job, future, arguments  # while it waits, a thread would keep them alive


@contextmanager
def threads(width: int, _workload: Workload) -> Iterator[Threads]:
    """Give threads, as many as `width`."""
    engine = Threads(width)
    try:
        yield engine
    finally:
        engine.close()
