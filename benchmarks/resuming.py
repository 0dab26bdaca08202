"""What checkpoints cost a run, and what they save after a failure."""

from __future__ import annotations

from collections.abc import Iterator

from clock import Effort
from lines import MB, Figure, Line
from programs import answer_of
from sites import in_folder

SAVING, RESUMED = 0.05, 0.15
"""Shares of a run: what saving may cost, and what may be left for a resumed one at 90 %."""
_SHAPES = {"beside": "beside each other", "after": "one after another"}


def after_failure(effort: Effort, shape: str, rows: int, *, cut: str = "") -> Iterator[Line]:
    """Measure whole runs without and with saving, and one that goes on from a failed one.

    The contract declares a checkpoint at the node `cut`, if any.
    """
    count = effort.of(rows)
    found = _measured(shape, cut, count, effort.rounds)
    declared = f"a checkpoint is declared at {cut}" if cut else "no checkpoint is declared"
    yield Line(
        f"twenty functions {_SHAPES[shape]} over {count:,} flights; {declared}",
        (
            Figure("a run without saving", found["whole"], "s"),
            Figure("results saved", found["saves"]),
            Figure("of", found["saved"] / MB, "MB"),
            Figure("saving", found["saving"] / found["whole"] - 1, under=SAVING),
            Figure("failed after", found["done"]),
            Figure("functions called again", found["anew"]),
            Figure("resumed", found["resumed"] / found["whole"], under=RESUMED),
        ),
    )


def _measured(*arguments: object) -> dict[str, float]:
    """Run the program; the checkpoints of its runs are on the disk."""
    with in_folder() as folder:
        found: dict[str, float] = answer_of("resuming.py", *arguments, TMPDIR=str(folder))
    return found
