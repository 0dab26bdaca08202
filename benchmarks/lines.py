"""Lines of the results: what was measured, the figures, what was to be reached; and their page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HEAD = """\
# What was measured

Written by `nox -s benchmarks`, which measures all of it; `nox -s benchmarks -- NAME` measures one
section anew and leaves the others. Each figure is the median of several rounds. In a round,
everything that a line compares takes its turn, so that other work on the machine meets all of it
alike; ratios are of medians of the same rounds. A figure says what one machine did on that day.
What has no target is for information. The [README](README.md) says how to add a line.
"""
MB = 1_000_000
_COLUMNS = ("measured", "figures", "target", "")
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold one number and, if there is a target, its bound.

    The unit is `s`, `MB/s`, or nothing for a ratio.
    """

    name: str
    value: float
    unit: str = ""
    under: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        return f"{self.name} {shown(self.value, self.unit)}"

    @property
    def target(self) -> str | None:
        """Return the target in words, or None for a figure without a target."""
        bounds = (("under", self.under), ("at least", self.at_least))
        texts = [f"{name} {shown(bound, self.unit)}" for name, bound in bounds if bound is not None]
        return f"{self.name} {' and '.join(texts)}" if texts else None

    @property
    def is_met(self) -> bool:
        """Say whether the number is within its bound."""
        low = -math.inf if self.at_least is None else self.at_least
        return low <= self.value and (self.under is None or self.value < self.under)


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what was measured, and its figures."""

    measured: str
    figures: tuple[Figure, ...]

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Return the line as the table shows it."""
        bounded = [figure for figure in self.figures if figure.target is not None]
        targets = "; ".join(str(figure.target) for figure in bounded)
        outcome = "met" if all(figure.is_met for figure in bounded) else "**missed**"
        return (
            self.measured,
            "; ".join(map(str, self.figures)),
            targets or "none",
            outcome if bounded else "",
        )


def shown(value: float, unit: str) -> str:
    """Return a number with its unit, in three digits or so."""
    if unit == "s" and value < 1:
        return f"{value * 1000:.3g} ms"
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def section(what: str, circumstances: str, lines: Iterable[Line]) -> str:
    """Return a section's text: what it is about, where and when it was measured, its lines."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(line.cells for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{what}\n\n{circumstances}\n\n{table}"


def page(sections: Mapping[str, str]) -> str:
    """Return the page of these sections, by name."""
    return HEAD + "".join(f"\n## {name}\n\n{text}\n" for name, text in sections.items())


def sections_of(text: str) -> dict[str, str]:
    """Return the sections of a page, by name."""
    _, *found = _SECTION.split(text)
    return {name: body.strip() for name, body in zip(found[::2], found[1::2], strict=True)}
