"""The policy that decides whether saving a result is worthwhile."""

from __future__ import annotations

import hashlib
import io
import sys
import time
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from isthmus_transforms.runtime.checkpoints.codecs import codec_for

MULTIPLE = 20.0
"""A result is saved if computing it again takes at least this many times as long as saving it."""
SHARE = 0.05
"""Optional saves take at most this share of the time spent computing."""
MIN_SECONDS = 0.1
"""For a result that took less time to compute, the cost of saving is not even estimated."""
_FEW_ROWS, _MANY_ROWS = 1_000, 20_000
_SMALL_BYTES = 1 << 20


class SavingPolicy:
    """Compares the cost of computing results again with the cost of saving them."""

    def __init__(self) -> None:
        self._seconds_behind: dict[str, float] = {}
        self._own: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._rates: dict[type, tuple[int, int, float]] = {}
        self._computed = 0.0
        self._spent = 0.0

    def record_computed(self, node: str, seconds: float, dependencies: Iterable[str]) -> bool:
        """Record the seconds that a node took; return whether saving it may be worthwhile.

        This runs for each node, so it only adds up: seconds that two dependencies share count
        twice here, and once in `is_worthwhile`.
        """
        behind = seconds
        bounds = self._seconds_behind
        for dependency in dependencies:
            behind += bounds.get(dependency, 0.0)
        self._computed += seconds
        bounds[node] = behind = min(behind, self._computed)
        self._own[node] = (seconds, tuple(dependencies))
        return behind >= MIN_SECONDS

    def record_saved(self, node: str) -> None:
        """Record that the node does not have to be computed again."""
        self._seconds_behind[node] = 0.0
        self._own.pop(node, None)

    def record_overhead(self, seconds: float) -> None:
        """Record seconds spent on optional saves, or on estimating their cost."""
        self._spent += seconds

    def within_budget(self, seconds: float) -> bool:
        """Return whether optional saves may take so many more seconds."""
        return self._spent + seconds <= SHARE * self._computed

    def is_worthwhile(self, node: str, seconds: float) -> bool:
        """Return whether saving the node is worthwhile if that takes so many seconds."""
        least = MULTIPLE * seconds
        if self._seconds_behind.get(node, 0.0) < least or not self.within_budget(seconds):
            return False
        self._seconds_behind[node] = self._unsaved(node)
        return self._seconds_behind[node] >= least

    def _unsaved(self, node: str) -> float:
        """Return the seconds to compute a node again from saved results, each node counted once."""
        seen, waiting, total = set[str](), [node], 0.0
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self._own:
                continue
            seen.add(name)
            seconds, dependencies = self._own[name]
            total += seconds
            waiting += dependencies
        return total

    def record_save(self, kind: type, size: int, seconds: float) -> None:
        """Record the seconds that saving a value of this type and size took."""
        saves, total, spent = self._rates.get(kind, (0, 0, 0.0))
        self._rates[kind] = (saves + 1, total + size, spent + seconds)

    def estimated_cost(self, kind: type, size: int) -> float | None:
        """Return the estimated seconds of saving so many bytes of this type, or None.

        The estimate is the mean of the saves of this type so far, more for a value larger than
        their mean size; None if there were none.
        """
        if kind not in self._rates:
            return None
        saves, total, spent = self._rates[kind]
        mean = spent / saves
        return mean * max(1.0, size * saves / total) if total else mean


def size_of(value: object) -> int | None:
    """Return the bytes of a value in memory; None if measuring them would take long."""
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(index=True).sum())
    if isinstance(value, pd.Series):
        return int(value.memory_usage(index=True))
    if isinstance(value, np.ndarray | np.generic | pa.Table):
        return int(value.nbytes)
    if value is None or isinstance(value, bytes | str | int | float):
        return sys.getsizeof(value)
    return _small_size(value)


def _small_size(value: object) -> int | None:
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        total += sys.getsizeof(item)
        if total > _SMALL_BYTES:
            return None
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list | tuple):
            waiting += item
    return total


def sample_cost(value: object, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that encoding and hashing the value takes, estimated from its first rows.

    Two samples separate the fixed cost of a save from the cost of its rows: in wide frames, the
    fixed cost dominates. Raise `NotSavableError` if the value has no codec or its codec refuses it.
    """
    codec = codec_for(value)

    def cost(sample: object) -> float:
        start = clock()
        content = io.BytesIO()
        codec.write(sample, content)
        hashlib.sha256(content.getbuffer())
        return clock() - start

    rows = _rows_of(value)
    if rows is None or rows <= _MANY_ROWS:
        return cost(value)
    few, many = (cost(_first_rows(value, count)) for count in (_FEW_ROWS, _MANY_ROWS))
    return many + max(0.0, many - few) / (_MANY_ROWS - _FEW_ROWS) * (rows - _MANY_ROWS)


def _rows_of(value: object) -> int | None:
    if isinstance(value, pd.DataFrame | pd.Series):
        return len(value)
    if isinstance(value, np.ndarray) and value.ndim:
        return len(value)
    return int(value.num_rows) if isinstance(value, pa.Table) else None


def _first_rows(value: object, rows: int) -> object:
    if isinstance(value, pd.DataFrame | pd.Series):
        return value.iloc[:rows]
    if isinstance(value, np.ndarray):
        return value[:rows]
    assert isinstance(value, pa.Table)  # noqa: S101
    return value.slice(0, rows)
