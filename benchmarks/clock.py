"""Measure actions in turns, and describe the machine."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_CPU = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)

Timed = Callable[[], float]
"""Does something once, and returns how many seconds the part that counts took."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Say how much is measured: the whole, or a small share only to see that it can be."""

    rounds: int = 15
    share: float = 1

    def of(self, amount: int) -> int:
        """Return this effort's share of an amount, at least 2."""
        return max(2, round(amount * self.share))


def seconds(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long an action takes, by the clock on the wall or another."""
    start = clock()
    action()
    return clock() - start


def processor_seconds(action: Callable[[], object]) -> float:
    """Return how long an action keeps processors busy, in all threads of this process."""
    return seconds(action, time.process_time)


def medians(effort: Effort, timed: Mapping[str, Timed]) -> dict[str, float]:
    """Return the median seconds of each action; actions take turns after an uncounted round."""
    return {name: statistics.median(times) for name, times in rounds(effort, timed).items()}


def rounds(effort: Effort, timed: Mapping[str, Timed]) -> dict[str, list[float]]:
    """Return the seconds of each action in each round, in the same way."""
    for action in timed.values():
        action()
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(effort.rounds):
        for name, action in timed.items():
            found[name].append(action())
    return found


def circumstances(command: str, effort: Effort, libraries: tuple[str, ...]) -> str:
    """Say when, how and where something was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`, {effort.rounds} rounds, on "
        f"{os.cpu_count()} cores ({_cpu()}), {memory:.0f} GiB of memory, {system}, Linux {kernel}. "
        f"Load over the last 15 minutes: {os.getloadavg()[2]:.1f}. "
        f"Python {platform.python_version()}, {versions}."
    )


def _cpu() -> str:
    found = _CPU.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()
