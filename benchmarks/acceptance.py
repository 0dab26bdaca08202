"""How fast what a run staged is accepted, beside reading and hashing the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from clock import Effort, Timed, medians, processor_seconds, rounds, seconds
from lines import MB, Figure, Line
from pyarrow import parquet
from sites import Site
from staging import MEASUREMENTS, Staged, stage_file, stage_table

from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.safe_copy import safe_copy
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.validation.checker import Checker

_NUMBERED = ("station", "kind")  # the texts that repeat


def of_table(
    site: Site, effort: Effort, size: int, *, ordered: bool, at_least: float | None = None
) -> Iterator[Line]:
    """Measure the acceptance of a table of one file, whose rows may be in the order of their key.

    A second line says what each step takes by itself, in processor time: other work on the machine
    changes that little, and threads do not hide it.
    """
    name, order = (
        ("ordered", "in the order of their key") if ordered else ("shuffled", "in no order")
    )
    staged = stage_table(site.folder, name, effort.of(size), ordered=ordered)
    what = f"accepting a table of one file of {staged.bytes // MB} MB, 12 columns, rows {order}"
    yield _beside_hashing(site, effort, staged, what, at_least)
    yield Line(f"processor time of each step of it, rows {order}", _steps(site, effort, staged))


def of_file(
    site: Site, effort: Effort, size: int, *, at_least: float | None = None
) -> Iterator[Line]:
    """Measure the acceptance of a file that is no table."""
    staged = stage_file(site.folder, "plain", effort.of(size))
    what = f"accepting a file of {staged.bytes // MB} MB that is no table"
    yield _beside_hashing(site, effort, staged, what, at_least)


def _steps(site: Site, effort: Effort, staged: Staged) -> tuple[Figure, ...]:
    (path,), copy = staged.files, site.folder / f"copy-{staged.dataflow.name}"
    checkers: list[Checker] = []

    def copying() -> float:
        with ThreadPoolExecutor(1) as hashing:
            time = processor_seconds(
                lambda: safe_copy(path.parent, path.name, copy, hashing).result()
            )
        copy.unlink()  # or else who waits for the disk next waits for this, too
        return time

    def checking() -> float:
        checkers[:] = [Checker(MEASUREMENTS)]
        return processor_seconds(lambda: checkers[0].add_file(path))

    found = medians(
        effort,
        {
            "hashing": lambda: processor_seconds(lambda: _hash(path)),
            "copying and hashing": copying,
            "decoding": lambda: processor_seconds(lambda: _decode(path)),
            "decoding and checking values": checking,
            "checking the key": lambda: processor_seconds(checkers[0].finish),
            "all of it, and to the disk": _accepting(site.lake, staged, processor_seconds),
        },
    )
    return tuple(Figure(step, time, "s") for step, time in found.items())


def _beside_hashing(
    site: Site, effort: Effort, staged: Staged, what: str, at_least: float | None
) -> Line:
    (path,) = staged.files
    others: dict[str, Timed] = {}
    if path.suffix == ".parquet":
        others["decoding and hashing"] = lambda: seconds(lambda: _decode_and_hash(path))
    times = rounds(
        effort,
        {
            "reading and hashing": lambda: seconds(lambda: _hash(path)),
            **others,
            "accepting": _accepting(site.lake, staged),
        },
    )
    found = {name: median(time) for name, time in times.items()}
    accepting = found["accepting"]
    quickest = min(times["reading and hashing"]) / min(times["accepting"])
    return Line(
        what,
        (
            *(Figure(name, staged.bytes / MB / time, "MB/s") for name, time in found.items()),
            Figure("ratio", found["reading and hashing"] / accepting, at_least=at_least),
            Figure("ratio of the quickest rounds", quickest),
            *(Figure(f"ratio to {name}", found[name] / accepting) for name in others),
        ),
    )


def _accepting(
    lake: Lake, staged: Staged, clock: Callable[[Callable[[], object]], float] = seconds
) -> Timed:
    """Return what accepts it; what was accepted is removed before the next time."""

    def timed() -> float:
        accepted: list[Accepted] = []
        time = clock(
            lambda: accepted.append(accept(staged.dataflow, staged.request, staged.result, lake))
        )
        for file in accepted[0].outputs[0].files:
            lake.path(file.path).remove()
        return time

    return timed


def _hash(path: Path) -> None:
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _decode(path: Path) -> None:
    """Do what nobody can do without who looks at the values, in pyarrow's own fastest way."""
    with parquet.ParquetFile(path, pre_buffer=True, read_dictionary=_NUMBERED) as file:
        for group in range(file.num_row_groups):
            file.read_row_group(group)


def _decode_and_hash(path: Path) -> None:
    with ThreadPoolExecutor(1) as beside:
        hashing = beside.submit(_hash, path)
        _decode(path)
        hashing.result()
