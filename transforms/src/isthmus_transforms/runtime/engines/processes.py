"""Processes: for functions that hold the interpreter lock; arguments and results are copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType

from hamilton.node import Node
from loky.process_executor import ProcessPoolExecutor

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import WorkerError
from isthmus_transforms.runtime.calls import Outcome, try_call
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.graph.steps import Step, steps_of

_steps: dict[str, Step] = {}
"""The steps that this process can call, if it is a worker."""


class Processes:
    """Call functions in worker processes, each of which builds the same graph."""

    def __init__(self, max_parallel: int, workload: Workload) -> None:
        self.max_parallel = max_parallel
        self._code_digest = workload.code_digest
        names = [step.name for step in workload.steps]
        initial = (workload.modules, dict(workload.params), names)
        self._pool = ProcessPoolExecutor(max_parallel, initializer=_build_steps, initargs=initial)

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Start a call, and return a future of its outcome."""
        future: Future[Outcome] = Future()

        def forward(done: Future[Outcome]) -> None:
            error = done.exception()
            if isinstance(error, BrokenProcessPool):
                error = WorkerError(step.name, str(error).partition("\n")[0])
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())

        try:
            self._pool.submit(
                _call, step.name, dict(arguments), self._code_digest
            ).add_done_callback(forward)
        except BrokenProcessPool as error:
            raise WorkerError(step.name, str(error).partition("\n")[0]) from None
        return future

    def close(self) -> None:
        """Kill the workers, even during a call."""
        self._pool.shutdown(kill_workers=True)


@contextmanager
def processes(max_parallel: int, workload: Workload) -> Iterator[Processes]:
    """Open an engine of `max_parallel` worker processes."""
    engine = Processes(max_parallel, workload)
    try:
        yield engine
    finally:
        engine.close()


def _build_steps(
    modules: Sequence[ModuleType], params: Mapping[str, ParamValue], names: Sequence[str]
) -> None:
    from isthmus_transforms.runtime.graph.build import build_graph  # noqa: PLC0415 - only workers need it

    graph = build_graph(modules, params)
    nodes = {name: graph.nodes[name] for name in names}
    _steps.update((step.name, step) for step in steps_of(graph, nodes, ()))


def _call(
    name: str, arguments: Mapping[str, object], code_digest: Callable[[Node], str] | None
) -> Outcome:
    outcome = try_call(_steps[name], arguments)
    if code_digest is None or outcome.error is not None:
        return outcome
    return replace(outcome, code=code_digest(_steps[name].node))
