"""Threads: for functions that release the interpreter lock, as NumPy, pandas and Arrow often do."""

from __future__ import annotations

import decimal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import TypeAlias

from isthmus_transforms.runtime.calls import Outcome, try_call
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.graph.steps import Step

_Job: TypeAlias = tuple[Future[Outcome], Context, Step, Mapping[str, object], Mapping[str, object]]


class Threads:
    """Call functions in threads of this process.

    A thread cannot be stopped from outside. These are daemon threads, so that a failed run ends
    immediately: the interpreter waits for the threads of a `ThreadPoolExecutor` when it exits.
    Calls have the options that the caller has set for its own thread, as of `decimal` and NumPy.
    """

    def __init__(self, max_parallel: int) -> None:
        self.max_parallel = max_parallel
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        for number in range(max_parallel):
            name = f"isthmus-{number}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Start a call, and return a future of its outcome."""
        future: Future[Outcome] = Future()
        self._jobs.put((future, copy_context(), step, arguments, _sklearn("get_config")))
        return future

    def close(self) -> None:
        """End each thread after its current call."""
        for _ in range(self.max_parallel):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, context, step, arguments, config = job
            _sklearn("set_config", **config)
            # A copy of a context has the same object of `decimal`, which functions may change.
            context.run(lambda: decimal.setcontext(decimal.getcontext().copy()))
            future.set_result(context.run(try_call, step, arguments))
            del job, future, context, arguments  # a waiting thread would keep them alive


def _sklearn(function: str, **config: object) -> Mapping[str, object]:
    """Call a function of scikit-learn, whose options are those of a thread, if it is loaded."""
    return getattr(sys.modules.get("sklearn"), function, dict)(**config) or {}


@contextmanager
def threads(max_parallel: int, _workload: Workload) -> Iterator[Threads]:
    """Open an engine of `max_parallel` threads."""
    engine = Threads(max_parallel)
    try:
        yield engine
    finally:
        engine.close()
