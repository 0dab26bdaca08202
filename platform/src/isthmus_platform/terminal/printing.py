"""The console that commands print to."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_MIN_TABLE_WIDTH = 200


def terminal() -> Console:
    """Return a console that prints brackets and colons as they are, without markup or emoji."""
    return Console(highlight=False, markup=False, emoji=False)


def print_whole(grid: Table, console: Console) -> None:
    """Print a table without folding its rows: an id that is cut off cannot be copied."""
    console.width = max(console.width, _MIN_TABLE_WIDTH)
    console.print(grid, soft_wrap=True)
