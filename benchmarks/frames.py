"""How fast frames are staged, in the transforms' own environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from clock import Effort
from lines import Figure, Line

_ROOT = Path(__file__).parents[1]
_PYTHON = _ROOT / "transforms" / ".venv" / "bin" / "python"
_PROGRAM = _ROOT / "transforms" / "tests" / "programs" / "staging.py"


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
    """Run the program; a person's shell has none of what this process was started with."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [_PYTHON, _PROGRAM, *map(str, arguments)],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found
