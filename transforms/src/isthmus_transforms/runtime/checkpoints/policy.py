"""When saving a result is worth while."""

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
"""What must be computed anew is worth saving from this many times the cost of saving it on."""
SHARE = 0.05
"""Saves that nobody asked for take at most this share of the time spent computing."""
WORTH_MEASURING = 0.1
"""In s: what takes less to compute is not worth finding out what saving it costs."""
_FEW_ROWS, _MANY_ROWS = 1_000, 20_000
_SMALL_BYTES = 1 << 20


class SavingPolicy:
    """Weigh what it costs to compute results anew against what it costs to save them."""

    def __init__(self) -> None:
        self._behind: dict[str, float] = {}
        self._own: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._rates: dict[type, tuple[int, int, float]] = {}
        self._computed = 0.0
        self._spent = 0.0

    def computed(self, node: str, seconds: float, dependencies: Iterable[str]) -> bool:
        """Note what computing a node took; tell whether saving it may be worth while.

        This is called for each node, so it only adds up: work that two dependencies share counts
        twice until somebody asks for more.
        """
        behind = seconds
        bounds = self._behind
        for dependency in dependencies:
            behind += bounds.get(dependency, 0.0)
        self._computed += seconds
        bounds[node] = behind = min(behind, self._computed)
        self._own[node] = (seconds, tuple(dependencies))
        return behind >= WORTH_MEASURING

    def saved(self, node: str) -> None:
        """Note that the node need not be computed anew."""
        self._behind[node] = 0.0
        self._own.pop(node, None)

    def spent(self, seconds: float) -> None:
        """Note time spent on saves that nobody asked for, or on finding out what they cost."""
        self._spent += seconds

    def affords(self, seconds: float) -> bool:
        """Tell whether that much more may be spent."""
        return self._spent + seconds <= SHARE * self._computed

    def is_worth(self, node: str, seconds: float) -> bool:
        """Tell whether saving the node is worth while, if it costs so many seconds."""
        least = MULTIPLE * seconds
        if self._behind.get(node, 0.0) < least or not self.affords(seconds):
            return False
        self._behind[node] = self._unsaved(node)
        return self._behind[node] >= least

    def _unsaved(self, node: str) -> float:
        """Return the seconds behind a node since what is saved, each counted once."""
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

    def measured(self, kind: type, size: int, seconds: float) -> None:
        """Note what a save of a value of this type and size took."""
        saves, total, spent = self._rates.get(kind, (0, 0, 0.0))
        self._rates[kind] = (saves + 1, total + size, spent + seconds)

    def cost(self, kind: type, size: int) -> float | None:
        """Return what a save of this type costs, for this many bytes, by those so far, if any.

        A small value costs as much as the mean of those.
        """
        if kind not in self._rates:
            return None
        saves, total, spent = self._rates[kind]
        mean = spent / saves
        return mean * max(1.0, size * saves / total) if total else mean


def size_of(value: object) -> int | None:
    """Return the bytes of a value in memory; None if that cannot be had at once."""
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
        each = waiting.pop()
        total += sys.getsizeof(each)
        if total > _SMALL_BYTES:
            return None
        if isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return total


def sample_cost(value: object, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that encoding and hashing the value takes, told from its first rows.

    Two samples tell what each save costs from what its rows do: of wide frames, the first is most
    of what a sample takes. Raise `NotSavableError` if it has no codec or is refused.
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
    few, many = (cost(_first_rows(value, each)) for each in (_FEW_ROWS, _MANY_ROWS))
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
