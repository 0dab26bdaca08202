"""What running functions costs beside the functions, in the transforms' own environment."""

from __future__ import annotations

from collections.abc import Iterator

from clock import Effort
from lines import MB, Figure, Line
from programs import answer_of

_MICRO = 1e6


def overhead(effort: Effort, nodes: int, *, at_most: float) -> Iterator[Line]:
    """Measure a run of trivial functions with its events, beside Hamilton's driver without."""
    count = effort.of(nodes)
    found = _measured("overhead", count, effort.rounds)
    yield Line(
        f"running {count:,} trivial functions, for each of them; with their events, with the graph "
        "announced too, and in one chain",
        (
            *(
                Figure(name, found[key] / count * _MICRO, "µs")
                for name, key in (
                    ("Hamilton's driver, without events", "hamilton"),
                    ("ours, with events", "ours"),
                    ("announced", "announced"),
                    ("one chain", "chain"),
                )
            ),
            Figure("ratio", found["ours"] / found["hamilton"], under=at_most),
        ),
    )


def fingerprints(effort: Effort, nodes: int, *, under: float) -> Iterator[Line]:
    """Measure the fingerprints of plain functions, and of functions that are parameterized."""
    count = effort.of(nodes)
    found = _measured("fingerprints", count, effort.rounds)
    yield Line(
        f"fingerprints of {count:,} nodes, before a run knows which saved results it can reuse",
        (
            Figure("plain functions that share a helper", found["plain"], "s", under=under),
            Figure("one function, parameterized", found["parameterized"], "s", under=under),
        ),
    )


def memory(effort: Effort, rows: int, *, under: float) -> Iterator[Line]:
    """Measure the largest memory of a pipeline of wide frames, each in a process of its own."""
    count = effort.of(rows)
    ways = ("hamilton", "ours")
    found = {way: _measured("memory", way, count)[way] for way in ways}
    yield Line(
        f"a pipeline of five frames of {count:,} rows and 20 columns: the largest memory beyond "
        "the libraries'",
        (
            Figure("Hamilton's driver", found["hamilton"] / MB, "MB"),
            Figure("ours", found["ours"] / MB, "MB"),
            Figure("ratio", found["ours"] / max(found["hamilton"], 1), under=under),
        ),
    )


def branches(effort: Effort, rows: int, *, at_least: float) -> Iterator[Line]:
    """Measure eight independent functions that let go of the interpreter, in two threads."""
    count = effort.of(rows)
    found = _measured("branches", count, effort.rounds)
    yield Line(
        f"eight functions that each sort {count:,} numbers, one by one and in two threads",
        (
            Figure("sequential", found["sequential"], "s"),
            Figure("threads", found["threads"], "s"),
            Figure("times as fast", found["sequential"] / found["threads"], at_least=at_least),
        ),
    )


def _measured(*arguments: object) -> dict[str, float]:
    found: dict[str, float] = answer_of("overhead.py", *arguments)
    return found
