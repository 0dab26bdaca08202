"""How fast what a run staged is accepted, and in how much memory."""

from __future__ import annotations

import hashlib
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import psutil
import pyarrow as pa
from clock import Effort, Timed, medians, processor_seconds, rounds, seconds
from lines import MB, Figure, Line
from pyarrow import ipc, parquet
from sites import Site
from staging import MEASUREMENTS, MEMORY, Staged, stage_file, stage_table, stage_wide

from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.encoder_process import EncoderProcess
from isthmus_platform.lake.intake.staged_stream import StagedStream
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.parquet_writer import ParquetWriter
from isthmus_platform.lake.schemas import is_staged_as
from isthmus_platform.lake.validation.checker import Checker


def of_table(site: Site, effort: Effort, size: int, *, ordered: bool) -> Iterator[Line]:
    """Measure the acceptance of a table of one file, whose rows may be in the order of their key.

    A second line says what each step takes by itself, in processor time: other work on the machine
    changes that little, and threads do not hide it.
    """
    name, order = (
        ("ordered", "in the order of their key") if ordered else ("shuffled", "in no order")
    )
    staged = stage_table(site.folder, name, effort.of(size), ordered=ordered)
    yield Line(
        f"staging and accepting a table of one file of {staged.bytes // MB} MB, 12 columns, rows "
        f"{order}; pyarrow alone writes Parquet, reads and hashes it",
        _beside_pyarrow(site, effort, staged),
    )
    yield Line(
        f"processor time of each step of its acceptance, rows {order}",
        _steps(site, effort, staged),
    )


def of_file(
    site: Site, effort: Effort, size: int, *, at_least: float | None = None
) -> Iterator[Line]:
    """Measure the acceptance of a file that is not a table."""
    staged = stage_file(site.folder, "plain", effort.of(size))
    (path,) = staged.files
    times = rounds(
        effort,
        {
            "reading and hashing": lambda: seconds(lambda: _hash(path)),
            "accepting": _accepting(site, staged),
        },
    )
    found = {name: median(time) for name, time in times.items()}
    yield Line(
        f"accepting a file of {staged.bytes // MB} MB that is not a table",
        (
            *(Figure(name, staged.bytes / MB / time, "MB/s") for name, time in found.items()),
            Figure("ratio", found["reading and hashing"] / found["accepting"], at_least=at_least),
        ),
    )


def of_many_columns(
    site: Site, effort: Effort, columns: int, rows: int, *, under: float
) -> Iterator[Line]:
    """Measure the acceptance of a table of many columns and few rows."""
    staged = stage_wide(site.folder, effort.of(columns), rows)
    found = medians(effort, {"accepting": _accepting(site, staged)})
    yield Line(
        f"accepting a table of {effort.of(columns):,} columns and {rows} rows",
        (Figure("accepting", found["accepting"], "s", under=under),),
    )


def memory(site: Site, effort: Effort, size: int, *, ordered: bool) -> Iterator[Line]:
    """Measure the largest memory of the process that encodes a large table, once."""
    name = "large" if ordered else "large_shuffled"
    staged = stage_table(site.folder, name, effort.of(size), ordered=ordered)
    with EncoderProcess(MEMORY, site.folder) as encoder:
        time = seconds(
            lambda: accept(staged.dataflow, staged.request, staged.result, site.lake, encoder)
        )
        largest = max(map(_peak, psutil.Process().children()))
    for path in staged.files:
        path.unlink()
    order = "in the order of their key" if ordered else "in no order"
    yield Line(
        f"the largest memory of the process that accepts a table of {staged.bytes // MB:,} MB, "
        f"rows {order}, where it may have {MEMORY // MB} MB",
        (
            Figure("memory", largest / MB, "MB", under=MEMORY / MB),
            Figure("accepting", time, "s"),
        ),
    )


def _peak(process: psutil.Process) -> int:
    """Return the largest memory that a process has held, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _beside_pyarrow(site: Site, effort: Effort, staged: Staged) -> tuple[Figure, ...]:
    (path,) = staged.files
    with ipc.open_stream(path) as stream:
        rows = stream.read_all()
    ways: dict[str, Callable[[], object]] = {
        "staging": lambda: _stage(rows, site.folder / "staged-again"),
        "writing Parquet": lambda: _write_parquet(rows, site.folder / "again.parquet"),
        "reading Parquet": lambda: _read_parquet(site.folder / "again.parquet"),
    }
    timed = {name: _timed(way, seconds) for name, way in ways.items()}
    timed |= {f"{name}, processor": _timed(way, processor_seconds) for name, way in ways.items()}
    timed["accepting"] = _accepting(site, staged)
    timed["accepting, processor"] = _accepting(site, staged, _all_processor_seconds)
    found = medians(effort, timed)
    sums = {
        kind: (
            found[f"staging{kind}"] + found[f"accepting{kind}"],
            found[f"writing Parquet{kind}"] + found[f"reading Parquet{kind}"],
        )
        for kind in ("", ", processor")
    }
    return (
        *(Figure(name, time, "s") for name, time in found.items()),
        *(Figure(f"ratio{kind}", ours / theirs) for kind, (ours, theirs) in sums.items()),
    )


def _steps(site: Site, effort: Effort, staged: Staged) -> tuple[Figure, ...]:
    (path,) = staged.files
    checkers: list[Checker] = []

    def reading(checker: Checker | None = None, writer: ParquetWriter | None = None) -> None:
        with path.open("rb", buffering=0) as file:
            stream = StagedStream(file, path.stat().st_size, MEMORY)
            for batch in stream.batches(stream.schema()):
                if checker is not None:
                    checker.add(batch)
                if writer is not None:
                    writer.add(batch)

    def checking() -> None:
        for checker in checkers:
            checker.close()
        checkers[:] = [Checker(MEASUREMENTS, is_allowed=is_staged_as)]
        reading(checkers[0])

    def encoding() -> None:
        target = site.folder / "encoded.parquet"
        with target.open("wb") as file, ParquetWriter(file, MEASUREMENTS) as writer:
            reading(None, writer)

    found = medians(
        effort,
        {
            "hashing": lambda: processor_seconds(lambda: _hash(path)),
            "reading and hashing": lambda: processor_seconds(reading),
            "reading and checking values": lambda: processor_seconds(checking),
            "checking the key": lambda: processor_seconds(checkers[0].finish),
            "reading and encoding": lambda: processor_seconds(encoding),
            "all of it, in a process of its own": _accepting(site, staged, _all_processor_seconds),
        },
    )
    return tuple(Figure(step, time, "s") for step, time in found.items())


def _accepting(
    site: Site, staged: Staged, clock: Callable[[Callable[[], object]], float] = seconds
) -> Timed:
    """Return what accepts it; what was accepted is removed before the next time."""

    def timed() -> float:
        accepted: list[Accepted] = []
        time = clock(lambda: accepted.append(_accept(site.lake, site.folder, staged)))
        for file in accepted[0].outputs[0].files:
            site.lake.path(file.path).remove()
        return time

    return timed


def _accept(lake: Lake, folder: Path, staged: Staged) -> Accepted:
    with EncoderProcess(MEMORY, folder) as encoder:
        return accept(staged.dataflow, staged.request, staged.result, lake, encoder)


def _all_processor_seconds(action: Callable[[], object]) -> float:
    """Return how long an action keeps processors busy, here and in processes that it starts."""

    def now() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in used)

    start = now()
    action()
    return now() - start


def _timed(way: Callable[[], object], clock: Callable[[Callable[[], object]], float]) -> Timed:
    return lambda: clock(way)


def _hash(path: Path) -> None:
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def _stage(rows: pa.Table, path: Path) -> None:
    """Write a stream and hash it, as a runner does with rows in memory."""
    with path.open("wb") as file, ipc.new_stream(file, rows.schema) as stream:
        stream.write_table(rows)
    _hash(path)


def _write_parquet(rows: pa.Table, path: Path) -> None:
    parquet.write_table(rows, path, compression="zstd")
    _hash(path)


def _read_parquet(path: Path) -> None:
    parquet.read_table(path)
    _hash(path)
