"""The interface of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from hamilton.node import Node

from isthmus_contracts import ParamValue
from isthmus_transforms.runtime.calls import Outcome
from isthmus_transforms.runtime.graph.steps import Step


@dataclass(frozen=True, slots=True)
class Workload:
    """The steps of a run, and what a worker process needs to build them again.

    With a `code_digest`, a worker process returns the digest of a node's code with each outcome.
    """

    steps: Sequence[Step]
    modules: tuple[ModuleType, ...]
    params: Mapping[str, ParamValue]
    code_digest: Callable[[Node], str] | None = None


class Engine(Protocol):
    """Make calls for the loop, at most `max_parallel` at the same time."""

    @property
    def max_parallel(self) -> int:
        """Return how many calls the loop should submit before it waits for one."""

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Start a call, and return a future of its outcome.

        The future fails with `WorkerError` if the worker died, with `EngineError` if workers cannot
        call functions at all, and with another error if the arguments or the result cannot be sent.
        """
