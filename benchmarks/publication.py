"""How long a publication takes: it depends on the number of files, never on their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from clock import Effort, Timed, medians, seconds
from lines import MB, Figure, Line
from sites import Site
from staging import MEMORY, Staged, stage_table

from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.publication import publish


def by_size(
    site: Site, effort: Effort, small: int, large: int, *, under: float | None = None
) -> Iterator[Line]:
    """Measure the publication of one file of so many bytes, and of another."""
    names = _named(small), _named(large)
    staged = (stage_table(site.folder, f"bytes_{size}", effort.of(size)) for size in (small, large))
    found = medians(
        effort,
        {name: _publishing(site.lake, table) for name, table in zip(names, staged, strict=True)},
    )
    first, second = (found[name] for name in names)
    yield Line(
        f"publishing a table of one accepted file: {names[0]}, {names[1]}",
        (
            Figure(names[0], first, "s"),
            Figure(names[1], second, "s"),
            Figure("ratio", second / first, under=under),
        ),
    )


def by_files(site: Site, effort: Effort, few: int, many: int, size: int) -> Iterator[Line]:
    """Measure the publication of so many bytes in few files, and in many."""
    names = f"{few} files", f"{many:,} files"
    numbers = effort.of(few), effort.of(many)
    staged = (
        stage_table(site.folder, f"{which}_files", size, files=number)
        for which, number in zip(("few", "many"), numbers, strict=True)
    )
    found = medians(
        effort,
        {name: _publishing(site.lake, table) for name, table in zip(names, staged, strict=True)},
    )
    first, second = (found[name] for name in names)
    yield Line(
        f"publishing a table of {_named(size)}: {names[0]}, {names[1]}; "
        "the time grows with the number of files",
        (
            Figure(names[0], first, "s"),
            Figure(names[1], second, "s"),
            Figure("for each file more", (second - first) / max(1, numbers[1] - numbers[0]), "s"),
        ),
    )


def _publishing(lake: Lake, staged: Staged) -> Timed:
    """Return an action that publishes another run's content, in the other of two sets of files.

    So each publication replaces every file of the one before, as one of new content does.
    """
    with LocalEncoder(MEMORY) as encoder:
        accepted = [
            accept(staged.dataflow, staged.request, staged.result, lake, encoder) for _ in range(2)
        ]
    runs = count()

    def timed() -> float:
        number = next(runs)
        made = replace(accepted[number % 2], run=f"run-{number}")
        return seconds(lambda: publish(lake, staged.dataflow, made, params={}, inputs={}))

    return timed


def _named(size: int) -> str:
    return f"{size // MB:,} MB" if size < 1000 * MB else f"{size / MB / 1000:g} GB"
