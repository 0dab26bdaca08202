"""What an engine is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from isthmus_contracts import ParamValue
from isthmus_transforms.runtime.calls import Outcome
from isthmus_transforms.runtime.graph.steps import Step


@dataclass(frozen=True, slots=True)
class Workload:
    """Hold the steps of a run, and what they were made from, for an engine that makes them anew."""

    steps: Sequence[Step]
    modules: tuple[ModuleType, ...]
    params: Mapping[str, ParamValue]


class Engine(Protocol):
    """Call functions beside the loop that hands them out, at most `max_parallel` at once."""

    @property
    def max_parallel(self) -> int:
        """Return how many calls are worth handing out at once."""

    def submit(self, step: Step, arguments: Mapping[str, object]) -> Future[Outcome]:
        """Begin a call.

        The future holds what the function came to. It fails with `WorkerError` if that cannot be
        known, and with another error if something cannot be sent.
        """
