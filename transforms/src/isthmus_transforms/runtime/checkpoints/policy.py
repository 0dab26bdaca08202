"""The policy that decides whether saving a result is worthwhile."""

from __future__ import annotations

from collections.abc import Sequence

MULTIPLE = 20.0
"""A result is saved if computing it again takes at least this many times as long as saving it."""
SHARE = 0.05
"""Optional saves take at most this share of the time spent computing."""
MIN_SECONDS = 0.1  # a result that took less time to compute is not even looked at
FIRST_SECONDS, FIRST_BYTES_PER_SECOND = 0.005, 4e8  # for a type of which nothing was saved yet


class SavingPolicy:
    """Compares the cost of computing results again with the cost of saving them.

    `spent` are the seconds that optional saves took.
    """

    def __init__(self) -> None:
        self._seconds_behind: dict[str, float] = {}
        self._own: dict[str, tuple[float, Sequence[str]]] = {}
        self._saves: dict[type, tuple[int, int, float]] = {}
        self._computed = 0.0
        self.spent = 0.0

    def record_computed(self, node: str, seconds: float, dependencies: Sequence[str]) -> bool:
        """Record the seconds that a node took; return whether saving it may be worthwhile.

        This runs for each node, so it only adds up: seconds that two dependencies share count
        twice here, and once in `is_worthwhile`.
        """
        self._computed += seconds
        behind = seconds + sum(self._seconds_behind.get(name, 0.0) for name in dependencies)
        self._seconds_behind[node] = behind = min(behind, self._computed)
        self._own[node] = seconds, dependencies
        return behind >= MIN_SECONDS

    def record_saved(self, node: str) -> None:
        """Record that the node does not have to be computed again."""
        self._seconds_behind[node] = 0.0
        self._own.pop(node, None)

    def is_worthwhile(self, node: str, seconds: float) -> bool:
        """Return whether saving the node is worthwhile if that takes so many seconds."""
        least = MULTIPLE * seconds
        within_budget = self.spent + seconds <= SHARE * self._computed
        if self._seconds_behind.get(node, 0.0) < least or not within_budget:
            return False
        self._seconds_behind[node] = self._unsaved(node)
        return self._seconds_behind[node] >= least

    def _unsaved(self, node: str) -> float:
        """Return the seconds to compute a node again from saved results, each node counted once."""
        seen, waiting, total = set[str](), [node], 0.0
        while waiting:
            name = waiting.pop()
            if name in self._own and name not in seen:
                seen.add(name)
                seconds, dependencies = self._own[name]
                total += seconds
                waiting += dependencies
        return total

    def record_save(self, kind: type, size: int, seconds: float) -> None:
        """Record the seconds that saving a value of this type and size took."""
        saves, total, spent = self._saves.get(kind, (0, 0, 0.0))
        self._saves[kind] = (saves + 1, total + size, spent + seconds)

    def estimated_cost(self, kind: type, size: int) -> float:
        """Return the estimated seconds of saving so many bytes of this type.

        The estimate is the mean of the saves of this type so far, more for a value larger than
        their mean size.
        """
        if kind not in self._saves:
            return FIRST_SECONDS + size / FIRST_BYTES_PER_SECOND
        saves, total, spent = self._saves[kind]
        return spent / saves * max(1.0, size * saves / max(total, 1))
