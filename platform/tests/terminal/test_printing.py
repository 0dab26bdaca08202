from __future__ import annotations

from io import StringIO

from rich.table import Table

from isthmus_platform.terminal.printing import print_whole, terminal


def test_brackets_and_colons_are_printed_as_they_are() -> None:
    console = terminal()
    console.file = StringIO()
    console.print("a[bold]b[/] :bug: 42")
    assert console.file.getvalue() == "a[bold]b[/] :bug: 42\n"


def test_no_row_of_a_table_is_folded() -> None:
    console = terminal()
    console.file = StringIO()
    console.width = 20
    grid = Table("release", "run", box=None)
    grid.add_row("0" * 64, "x" * 64)
    print_whole(grid, console)
    _, row = console.file.getvalue().splitlines()
    assert row.split() == ["0" * 64, "x" * 64]
