"""Which engines there are, which options each takes, and opening the engine of a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias, cast

from isthmus_contracts import Param, ParamError, UnknownNameError, resolve_params
from isthmus_contracts.protocol import EngineProfile
from isthmus_transforms.errors import EngineError
from isthmus_transforms.runtime.engines.engine import Engine, Workload

_MOST_WORKERS = 256
_CPUS = min(os.cpu_count() or 1, _MOST_WORKERS)
_WORKERS = Param(
    *("workers", "integer", _CPUS, "How many functions run at once; default: one per CPU."),
    minimum=1,
    maximum=_MOST_WORKERS,
)
_Opened: TypeAlias = AbstractContextManager[Engine]


def _threads(max_parallel: int, workload: Workload) -> _Opened:
    from isthmus_transforms.runtime.engines.threads import threads  # noqa: PLC0415

    return threads(max_parallel, workload)


def _processes(max_parallel: int, workload: Workload) -> _Opened:
    from isthmus_transforms.runtime.engines.processes import processes  # noqa: PLC0415

    return processes(max_parallel, workload)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How to open an engine, its options, and the library that it needs.

    An engine is imported when it is chosen: its library may be missing, or slow to import. The
    engine that is not opened is the loop, which calls functions itself.
    """

    open: Callable[[int, Workload], _Opened] | None = None
    options: tuple[Param, ...] = ()
    needs: str | None = None


_KINDS: Mapping[str, _Kind] = {
    "sequential": _Kind(),
    "threads": _Kind(_threads, (_WORKERS,)),
    "processes": _Kind(_processes, (_WORKERS,), needs="loky"),
}
ENGINES = tuple(_KINDS)


def available_engines() -> dict[str, tuple[Param, ...]]:
    """Return the engines that can be opened here, each with its options."""
    return {
        name: kind.options
        for name, kind in _KINDS.items()
        if kind.needs is None or find_spec(kind.needs) is not None
    }


def open_engine(
    profile: EngineProfile, workload: Workload
) -> AbstractContextManager[Engine | None]:
    """Return a context manager that gives the engine, or None if the loop calls functions itself.

    Raise `UnknownNameError` for an unknown engine or option, and `EngineError` for an engine that
    is not installed or an option that has a wrong value.
    """
    if profile.name not in _KINDS:
        raise UnknownNameError("engine", profile.name, ENGINES)
    kind = _KINDS[profile.name]
    try:
        options = resolve_params(kind.options, profile.options)
    except UnknownNameError as error:
        raise UnknownNameError(
            "option", error.name, error.known, of=f"engine {profile.name!r}"
        ) from None
    except ParamError as error:
        problem = f"option {error.param!r} is {error.value!r}; allowed: {error.allowed}"
        raise EngineError(profile.name, problem) from None
    if kind.open is None:
        return nullcontext()
    try:
        return kind.open(cast("int", options["workers"]), workload)  # its type is integer
    except ImportError as error:
        raise EngineError(
            profile.name,
            f"it needs {kind.needs or 'nothing'}, which cannot be imported ({error}); add it to "
            "the dependencies of transforms, or choose another engine in the deployment",
        ) from None
