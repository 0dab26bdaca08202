"""Running steps: each function when what it needs is there, and no result longer than needed."""

from __future__ import annotations

import heapq
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import TypeAlias

from hamilton.data_quality.base import ValidationResult

from isthmus_contracts.protocol import NodeFailed, NodeFinished, NodeStarted
from isthmus_transforms.errors import NodeError, WorkerError
from isthmus_transforms.runtime.calls import Outcome, call, size_of, try_call
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.engines import Engine
from isthmus_transforms.runtime.graph.steps import Step

Watch: TypeAlias = Callable[[str, object, float, Sequence[str]], None]
"""Takes a name, its value, the seconds that it took, and the names that it needed."""
_LOG = logging.getLogger(__name__)


def execute(  # noqa: PLR0913, PLR0917 - the last two are seldom given
    steps: Sequence[Step],
    targets: Iterable[str],
    values: dict[str, object],
    on_event: Listener,
    engine: Engine | None = None,
    watch: Watch | None = None,
) -> dict[str, object]:
    """Return the value of every target; each result is shown to `watch`.

    `values` holds what is given; it is used up: whatever no further step needs is taken out. The
    first function that raises ends the run with its `NodeError`, whatever runs beside it.
    """
    wanted = list(targets)
    run = _Run(steps, wanted, values, on_event, watch)
    if engine is None:
        run.in_order(steps)
    else:
        run.at_once(steps, engine)
    return {name: values[name] for name in wanted}


class _Run:
    def __init__(
        self,
        steps: Sequence[Step],
        targets: Sequence[str],
        values: dict[str, object],
        on_event: Listener,
        watch: Watch | None,
    ) -> None:
        self._watch = watch
        self._values = values
        self._listen = on_event
        self._uses = dict.fromkeys(targets, 1)
        for step in steps:
            for name in step.needs:
                self._uses[name] = self._uses.get(name, 0) + 1
        for name in values.keys() - self._uses.keys():
            del values[name]

    def in_order(self, steps: Sequence[Step]) -> None:
        """Call one function after another."""
        values, on_event, clock = self._values, self._listen, time.perf_counter
        for step in steps:
            arguments = {name: values[name] for name in step.needs}
            on_event(NodeStarted(time.time(), step.name))
            start = clock()
            try:
                value = call(step, arguments)
            except BaseException as error:
                self._failed(step, clock() - start, error)
                raise
            self._finished(step, value, clock() - start)
            del arguments, value

    def at_once(self, steps: Sequence[Step], engine: Engine) -> None:
        """Call as many functions at once as the engine is wide, the earliest first."""
        waiting, followers = _dependencies(steps)
        ready = [number for number, count in enumerate(waiting) if not count]
        running: dict[int, float] = {}
        done: SimpleQueue[tuple[int, Outcome | BaseException]] = SimpleQueue()
        try:
            while ready or running:
                while ready and len(running) < engine.max_parallel:
                    number = heapq.heappop(ready)
                    running[number] = time.perf_counter()
                    self._begin(number, steps[number], engine, done)
                number, found = done.get()
                del running[number]
                self._take(steps[number], found)
                del found
                for follower in followers[number]:
                    waiting[follower] -= 1
                    if not waiting[follower]:
                        heapq.heappush(ready, follower)
        except BaseException:
            for number, start in running.items():
                seconds = time.perf_counter() - start
                self._listen(NodeFailed(time.time(), steps[number].name, seconds, "Cancelled"))
            raise

    def _begin(
        self,
        number: int,
        step: Step,
        engine: Engine,
        done: SimpleQueue[tuple[int, Outcome | BaseException]],
    ) -> None:
        arguments = {name: self._values[name] for name in step.needs}
        self._listen(NodeStarted(time.time(), step.name))
        if step.is_derived:  # to send it away would cost more
            done.put((number, try_call(step, arguments)))
            return
        engine.submit(step, arguments).add_done_callback(
            lambda future: done.put((number, future.exception() or future.result()))
        )

    def _take(self, step: Step, found: Outcome | BaseException) -> None:
        if isinstance(found, BaseException) and not isinstance(found, WorkerError):
            _LOG.warning(
                "node %r is computed in the runner itself, for what it takes or returns cannot be "
                "sent: %s",
                *(step.name, found),
            )
            found = try_call(step, {name: self._values[name] for name in step.needs})
        if isinstance(found, BaseException):
            self._failed(step, 0.0, found)
            raise found
        if found.error is not None:
            self._failed(step, found.seconds, found.error)
            raise found.error
        self._finished(step, found.value, found.seconds)

    def _finished(self, step: Step, value: object, seconds: float) -> None:
        values, uses = self._values, self._uses
        self._listen(NodeFinished(time.time(), step.name, seconds, *size_of(value)))
        if step.check is not None and isinstance(value, ValidationResult):
            self._listen(step.check.told(value))
        if self._watch is not None:
            self._watch(step.name, value, seconds, step.needs)
        if step.name in uses:
            values[step.name] = value
        for name in step.needs:
            uses[name] -= 1
            if not uses[name]:
                values.pop(name, None)

    def _failed(self, step: Step, seconds: float, error: BaseException) -> None:
        kind = error.kind if isinstance(error, NodeError) else type(error).__name__
        self._listen(NodeFailed(time.time(), step.name, seconds, kind))


def _dependencies(steps: Sequence[Step]) -> tuple[list[int], dict[int, list[int]]]:
    """Return by a step's number how many steps it waits for, and which steps wait for it."""
    numbers = {step.name: number for number, step in enumerate(steps)}
    waiting = []
    followers: dict[int, list[int]] = defaultdict(list)
    for number, step in enumerate(steps):
        before = {numbers[name] for name in step.needs if name in numbers}
        waiting.append(len(before))
        for each in before:
            followers[each].append(number)
    return waiting, followers
