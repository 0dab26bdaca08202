"""Processes: for functions that hold the interpreter lock; arguments and results are copied."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias

from hamilton.node import Node
from loky.backend.reduction import dumps
from loky.process_executor import ProcessPoolExecutor

from isthmus_contracts import ParamValue
from isthmus_transforms.errors import EngineError, WorkerError
from isthmus_transforms.runtime.calls import Outcome, text_of, try_call
from isthmus_transforms.runtime.engines.engine import Workload
from isthmus_transforms.runtime.graph.steps import Step, steps_of

_NAME = "processes"
_ELSEWHERE = "put the functions into a module that can be imported, or use the engine 'threads'"
_Sent: TypeAlias = tuple[bytes, list[pickle.PickleBuffer]]
_steps: dict[str, Step] = {}
"""The steps that this process can call, if it is a worker."""
_unbuilt: list[str] = []
"""Why this process has no steps, if it is a worker that has none."""


class _UnbuiltError(Exception):
    """Report that a worker process could not build its steps."""


class _UnsendableError(Exception):
    """Report that arguments or a result cannot be sent to or from a worker process."""


class Processes:
    """Call functions in worker processes, each of which builds the same graph."""

    def __init__(self, max_parallel: int, workload: Workload) -> None:
        self.max_parallel = max_parallel
        self._code_digest = workload.code_digest
        modules = [module.__name__ for module in workload.modules]
        names = [step.name for step in workload.steps]
        initial = (modules, dict(workload.params), names)
        self._pool = ProcessPoolExecutor(max_parallel, initializer=_build_steps, initargs=initial)

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Start a call, and return a future of its outcome."""
        future: Future[Outcome] = Future()

        def forward(done: Future[_Sent]) -> None:
            try:
                outcome: Outcome = _received(done.result())
            except BrokenProcessPool as error:
                future.set_exception(_worker_error(step, error))
            except _UnbuiltError as error:
                problem = f"worker processes cannot import the functions ({error}); {_ELSEWHERE}"
                future.set_exception(EngineError(_NAME, problem))
            except BaseException as error:  # noqa: BLE001 - the loop decides
                future.set_exception(error)
            else:
                future.set_result(outcome)

        try:
            sent = _sendable(dict(arguments))
            self._pool.submit(_call, step.name, sent, self._code_digest).add_done_callback(forward)
        except BrokenProcessPool as error:
            raise _worker_error(step, error) from None
        except _UnsendableError as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Kill the workers, even during a call."""
        self._pool.shutdown(kill_workers=True)


@contextmanager
def processes(max_parallel: int, workload: Workload) -> Iterator[Processes]:
    """Open an engine of `max_parallel` worker processes.

    Raise `EngineError` for functions of `__main__`, which is another module in each process.
    """
    if any(module.__name__ == "__main__" for module in workload.modules):
        problem = f"worker processes cannot import the functions of `__main__`; {_ELSEWHERE}"
        raise EngineError(_NAME, problem)
    engine = Processes(max_parallel, workload)
    try:
        yield engine
    finally:
        engine.close()


def _worker_error(step: Step, error: BrokenProcessPool) -> WorkerError:
    return WorkerError(step.name, str(error).partition("\n")[0])


def _build_steps(
    modules: Sequence[str], params: Mapping[str, ParamValue], names: Sequence[str]
) -> None:
    from isthmus_transforms.runtime.graph.build import build_graph  # noqa: PLC0415 - only workers need it

    try:
        graph = build_graph([importlib.import_module(module) for module in modules], params)
        nodes = {name: graph.nodes[name] for name in names}
        _steps.update((step.name, step) for step in steps_of(graph, nodes, ()))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - each call reports it
        _unbuilt.append(text_of(error))


def _call(name: str, sent: _Sent, code_digest: Callable[[Node], str] | None) -> _Sent:
    if _unbuilt:
        raise _UnbuiltError(*_unbuilt)
    outcome = try_call(_steps[name], _received(sent))
    if code_digest is not None and outcome.error is None:
        outcome = replace(outcome, code=code_digest(_steps[name].node))
    return _sendable(outcome)


# An author's class may raise anything when it is copied. In the threads of the pool that would look
# like the death of a worker, so values are pickled here; the pool only copies their buffers.


def _sendable(value: object) -> _Sent:
    buffers: list[pickle.PickleBuffer] = []
    try:
        return pickle.dumps(value, 5, buffer_callback=buffers.append), buffers
    except (Exception, SystemExit):  # noqa: BLE001 - see above
        return _sendable_by_value(value), []


def _sendable_by_value(value: object) -> bytes:
    """Pickle what has no name that another process can import, such as a lambda."""
    try:
        return bytes(dumps(value))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        raise _UnsendableError(text_of(error)) from None


def _received(sent: _Sent) -> Any:  # noqa: ANN401 - any value
    payload, buffers = sent
    try:
        return pickle.loads(payload, buffers=buffers)  # noqa: S301 - of a process of our own
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        raise _UnsendableError(text_of(error)) from None
