"""How fast frames are staged, in the transforms' own environment."""

from __future__ import annotations

from collections.abc import Iterator

from clock import Effort
from lines import Figure, Line
from programs import answer_of


def of_each_dtype(effort: Effort, rows: int, *, under: float) -> Iterator[Line]:
    """Measure frames of four columns of one dtype."""
    count = effort.of(rows)
    for dtype, found in _measured(count, effort.rounds).items():
        yield _line(f"staging {count:,} rows of four columns of {dtype}", found, under)


def of_a_wide_frame(effort: Effort, rows: int, *, under: float) -> Iterator[Line]:
    """Measure a frame of forty columns of texts, dates and objects."""
    count = effort.of(rows)
    (found,) = _measured("wide", count).values()
    yield _line(f"staging {count:,} rows of forty columns of texts and dates", found, under)


def _line(what: str, found: dict[str, float], under: float) -> Line:
    ratio = found["staged"] / found["pyarrow"]
    return Line(
        what,
        (
            Figure("staging", found["staged"], "s"),
            Figure("pyarrow", found["pyarrow"], "s"),
            Figure("ratio", ratio, under=under),
        ),
    )


def _measured(*arguments: object) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = answer_of("staging.py", *arguments)
    return found
