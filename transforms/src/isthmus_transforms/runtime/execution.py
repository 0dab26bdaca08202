"""The loop that calls functions, reports events, and frees each result after its last use."""

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
from isthmus_transforms.errors import EngineError, NodeError, WorkerError
from isthmus_transforms.runtime.calls import Outcome, call, size_of, try_call
from isthmus_transforms.runtime.checks.result import Listener
from isthmus_transforms.runtime.engines import Engine
from isthmus_transforms.runtime.graph.steps import Step

OnResult: TypeAlias = Callable[[str, object, float, Sequence[str], str | None], None]
"""Takes a node's name, its value, seconds, the names that it needed, and `Outcome.code`."""
_LOG = logging.getLogger(__name__)


def execute(  # noqa: PLR0913, PLR0917 - the last two have defaults
    steps: Sequence[Step],
    targets: Iterable[str],
    values: dict[str, object],
    on_event: Listener,
    engine: Engine | None = None,
    on_result: OnResult | None = None,
) -> dict[str, object]:
    """Return the value of every target; call `on_result` with each result.

    `values` holds the inputs, params and saved results; values that no further step needs are
    removed from it. The first function that raises ends the run with its `NodeError`, whatever
    else is running.
    """
    names = list(targets)
    run = _Run(steps, names, values, on_event, on_result)
    if engine is None:
        run.sequential(steps)
    else:
        run.parallel(steps, engine)
    return {name: values[name] for name in names}


class _Run:
    def __init__(
        self,
        steps: Sequence[Step],
        targets: Sequence[str],
        values: dict[str, object],
        on_event: Listener,
        on_result: OnResult | None,
    ) -> None:
        self._on_result = on_result
        self._values = values
        self._on_event = on_event
        self._uses = dict.fromkeys(targets, 1)
        for step in steps:
            for name in step.needs:
                self._uses[name] = self._uses.get(name, 0) + 1
        for name in values.keys() - self._uses.keys():
            del values[name]

    def sequential(self, steps: Sequence[Step]) -> None:
        """Call one function after another."""
        values, on_event, clock = self._values, self._on_event, time.perf_counter
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

    def parallel(self, steps: Sequence[Step], engine: Engine) -> None:
        """Call up to `engine.max_parallel` functions at the same time, the first in order first."""
        waiting, followers = _dependencies(steps)
        ready = [number for number, count in enumerate(waiting) if not count]
        running: dict[int, float] = {}
        done: SimpleQueue[tuple[int, Outcome | BaseException]] = SimpleQueue()
        try:
            while ready or running:
                while ready and len(running) < engine.max_parallel:
                    number = heapq.heappop(ready)
                    running[number] = time.perf_counter()
                    self._submit(number, steps[number], engine, done)
                number, outcome = done.get()
                del running[number]
                self._handle(steps[number], outcome)
                del outcome
                for follower in followers[number]:
                    waiting[follower] -= 1
                    if not waiting[follower]:
                        heapq.heappush(ready, follower)
        except BaseException:
            for number, start in running.items():
                seconds = time.perf_counter() - start
                self._on_event(NodeFailed(time.time(), steps[number].name, seconds, "Cancelled"))
            raise

    def _submit(
        self,
        number: int,
        step: Step,
        engine: Engine,
        done: SimpleQueue[tuple[int, Outcome | BaseException]],
    ) -> None:
        arguments = {name: self._values[name] for name in step.needs}
        self._on_event(NodeStarted(time.time(), step.name))
        if step.is_derived:  # sending it to a worker would take longer
            done.put((number, try_call(step, arguments)))
            return
        engine.submit(step, arguments).add_done_callback(
            lambda future: done.put((number, future.exception() or future.result()))
        )

    def _handle(self, step: Step, outcome: Outcome | BaseException) -> None:
        if isinstance(outcome, BaseException) and not isinstance(
            outcome, WorkerError | EngineError
        ):
            _LOG.warning(
                "node %r runs in the runner itself, because its arguments or its result cannot be "
                "sent to or from a worker: %s",
                *(step.name, outcome),
            )
            outcome = try_call(step, {name: self._values[name] for name in step.needs})
        if isinstance(outcome, BaseException):
            self._failed(step, 0.0, outcome)
            raise outcome
        if outcome.error is not None:
            self._failed(step, outcome.seconds, outcome.error)
            raise outcome.error
        self._finished(step, outcome.value, outcome.seconds, outcome.code)

    def _finished(self, step: Step, value: object, seconds: float, code: str | None = None) -> None:
        values, uses = self._values, self._uses
        self._on_event(NodeFinished(time.time(), step.name, seconds, *size_of(value)))
        if step.check is not None and isinstance(value, ValidationResult):
            self._on_event(step.check.event(value))
        if self._on_result is not None:
            self._on_result(step.name, value, seconds, step.needs, code)
        if step.name in uses:
            values[step.name] = value
        for name in step.needs:
            uses[name] -= 1
            if not uses[name]:
                values.pop(name, None)

    def _failed(self, step: Step, seconds: float, error: BaseException) -> None:
        kind = error.kind if isinstance(error, NodeError) else type(error).__name__
        self._on_event(NodeFailed(time.time(), step.name, seconds, kind))


def _dependencies(steps: Sequence[Step]) -> tuple[list[int], dict[int, list[int]]]:
    """Return for each step's number how many steps it waits for, and which steps wait for it."""
    numbers = {step.name: number for number, step in enumerate(steps)}
    waiting = []
    followers: dict[int, list[int]] = defaultdict(list)
    for number, step in enumerate(steps):
        before = {numbers[name] for name in step.needs if name in numbers}
        waiting.append(len(before))
        for dependency in before:
            followers[dependency].append(number)
    return waiting, followers
