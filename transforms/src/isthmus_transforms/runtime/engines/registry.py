"""Opens an engine by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

from isthmus_contracts import ParamValue
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.errors import EngineError
from isthmus_transforms.runtime.engines.engine import Engine, Workload

_MAX_WORKERS = 256

_Opened: TypeAlias = AbstractContextManager[Engine]


def _threads(max_parallel: int, workload: Workload) -> _Opened:
    from isthmus_transforms.runtime.engines.threads import threads  # noqa: PLC0415

    return threads(max_parallel, workload)


def _processes(max_parallel: int, workload: Workload) -> _Opened:
    from isthmus_transforms.runtime.engines.processes import processes  # noqa: PLC0415

    return processes(max_parallel, workload)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to open an engine, and the library that it needs.

    An engine is imported when it is chosen: its library may be missing, or slow to import.
    """

    open: Callable[[int, Workload], _Opened]
    needs: str = "nothing"


_KINDS: Mapping[str, _Kind | None] = {
    "sequential": None,
    "threads": _Kind(_threads),
    "processes": _Kind(_processes, needs="loky"),
}
ENGINES = tuple(_KINDS)


def open_engine(
    profile: EngineProfile, workload: Workload
) -> AbstractContextManager[Engine | None]:
    """Return a context manager that gives the engine, or None if the loop calls functions itself.

    Raise `EngineError` if the engine is unknown or not installed, or an option is wrong.
    """
    if profile.name not in _KINDS:
        known = ", ".join(map(repr, ENGINES))
        raise EngineError(profile.name, f"it is unknown; known: {known}")
    kind = _KINDS[profile.name]
    for name in profile.options:
        if kind is None or name != "workers":
            known = "none" if kind is None else "'workers'"
            raise EngineError(profile.name, f"it has no option {name!r}; known: {known}")
    if kind is None:
        return nullcontext()
    max_parallel = _max_parallel(profile)
    try:
        return kind.open(max_parallel, workload)
    except ImportError as error:
        raise EngineError(
            profile.name,
            f"it needs {kind.needs}, which cannot be imported ({error}); add it to the "
            "dependencies of transforms, or choose another engine in the deployment",
        ) from None


def _max_parallel(profile: EngineProfile) -> int:
    workers: ParamValue = profile.options.get("workers", os.cpu_count() or 1)
    if type(workers) is not int or not 1 <= workers <= _MAX_WORKERS:
        raise EngineError(
            profile.name,
            f"option 'workers' is {workers!r}; expected a whole number from 1 to {_MAX_WORKERS}",
        )
    return workers
