"""Text on a terminal, where some characters are commands."""

from __future__ import annotations

import re

from rich.console import Console
from rich.table import Table

_WHOLE_ROW = 200
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def terminal() -> Console:
    """Return a console that shows brackets and colons as they are."""
    return Console(highlight=False, markup=False, emoji=False)


def printable(text: str) -> str:
    """Return what a dataflow said, without the characters that a terminal would obey."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def print_whole(grid: Table, console: Console) -> None:
    """Print a table whose rows are not folded, for an id that is cut off cannot be copied."""
    console.width = max(console.width, _WHOLE_ROW)
    console.print(grid, soft_wrap=True)
