"""How long it takes to publish one month of a table, and to remove what nobody needs any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from uuid import uuid4

from clock import Effort, rounds, seconds
from lines import Figure, Line
from sites import Site

from isthmus_contracts import Column, DataflowContract, Interval, Partitioning, Table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.garbage_collection import collect_garbage
from isthmus_platform.storage import DiskStore

MONTHLY = Partitioning("day", "month")
COUNTS = Table(
    "counts",
    "Rows of a month.",
    (Column("day", "date", "Day."), Column("n", "int64", "Number.")),
    partitioning=MONTHLY,
)
_FIRST_YEAR = 1000
_MONTHS = 12
_LATER = timedelta(days=60)
_CONTENT = b"nobody reads it"
_PUTS_AT_ONCE = 16


def one_month(
    site: Site, effort: Effort, numbers: Sequence[int], files: int, *, under: float | None = None
) -> Iterator[Line]:
    """Measure publishing one month into tables of so many months, each of so many files."""
    months = [_Months(site.lake, number, effort.of(number), files) for number in numbers]
    names = [f"{number:,}" for number in numbers]
    found = rounds(effort, {name: table.publish for name, table in zip(names, months, strict=True)})
    for table in months:
        table.stop()
    whole = [median(times) for times in found.values()]
    delta = [median(table.commits[1:]) for table in months]
    rest = [
        median(all_ - part for all_, part in zip(times, table.commits[1:], strict=True))
        for times, table in zip(found.values(), months, strict=True)
    ]
    yield Line(
        f"publishing one month of {files} files into a table of {', '.join(names)} months; the "
        "part of Delta's own commit, and the ratio of the rest",
        (
            *(Figure(f"{name}:", value, "s") for name, value in zip(names, whole, strict=True)),
            *(
                Figure(f"Delta {name}:", value, "s")
                for name, value in zip(names, delta, strict=True)
            ),
            Figure("ratio of the rest", rest[-1] / rest[0], under=under),
        ),
    )


def garbage(
    site: Site, effort: Effort, files: int, *, under: float | None = None
) -> Iterator[Line]:
    """Measure garbage collection where it removes so many files, and as many stay.

    It runs in a process of its own, so that no other memory counts.
    """
    few, many = effort.of(files // 10), effort.of(files)
    found = {number: _collected(site.folder / f"lake-{number}", number) for number in (few, many)}
    memory = [found[number]["megabytes"] for number in (few, many)]
    yield Line(
        f"garbage collection that removes {many:,} files and keeps as many, and the memory that it "
        "takes",
        (
            Figure("time", found[many]["seconds"], "s"),
            Figure("memory", memory[1], "MB", under=under),
            Figure("memory of a tenth", memory[0], "MB"),
        ),
    )


class _Months:
    """A table of many months, one of which is published again and again."""

    def __init__(self, lake: Lake, number: int, months: int, files: int) -> None:
        self.commits: list[float] = []
        self._lake = lake
        self._dataflow = DataflowContract(
            f"months_{number}", "1.0.0", "us", "Counts.", (), (COUNTS,)
        )
        names = [
            f"{_FIRST_YEAR + index // _MONTHS}-{index % _MONTHS + 1:02}" for index in range(months)
        ]
        self._real = publication.commit
        publish_files(lake, self._dataflow, "everything", names * files)
        self._month = MONTHLY.interval(names[0])
        self._other = [put_files(lake, self._dataflow, names[:1] * files) for _ in range(2)]
        self._runs = count()

    def publish(self) -> float:
        """Publish the month in other files; return how long it takes, and remember the commit."""
        run = next(self._runs)
        accepted = accept(self._dataflow, f"run-{run}", self._other[run % 2], self._month)
        publication.commit = self._commit
        return seconds(
            lambda: publication.publish(self._lake, self._dataflow, accepted, params={}, inputs={})
        )

    def stop(self) -> None:
        """Put back what publishing calls to commit."""
        publication.commit = self._real

    def _commit(self, *args: object, **options: object) -> object:
        found: list[object] = []
        commit = lambda: found.append(self._real(*args, **options))  # noqa: E731
        self.commits.append(seconds(commit))
        return found[0]


def put_files(lake: Lake, dataflow: DataflowContract, months: Iterable[str]) -> list[AcceptedFile]:
    """Put a small file into the lake for each of these months; publishing reads none of them."""
    folder = lake.table(dataflow.identity, COUNTS.name)

    def put(month: str) -> AcceptedFile:
        place = folder / f"{uuid4().hex}.parquet"
        if isinstance(lake.store, DiskStore):  # without waiting for the disk, which takes minutes
            place.local().write_bytes(_CONTENT)
        else:
            lake.store.create(place.key, _CONTENT)
        return AcceptedFile(place.key, len(_CONTENT), "0" * 64, 1, month)

    if isinstance(lake.store, DiskStore):
        folder.local().mkdir(parents=True, exist_ok=True)
        return [put(month) for month in months]
    with ThreadPoolExecutor(_PUTS_AT_ONCE) as pool:
        return list(pool.map(put, months))


def accept(
    dataflow: DataflowContract,
    run: str,
    files: Iterable[AcceptedFile],
    interval: Interval | None = None,
) -> Accepted:
    """Return what acceptance would say of these files."""
    outputs = (AcceptedOutput(COUNTS.name, tuple(files)),)
    return Accepted(str(dataflow.identity), "1.0.0", "code", run, outputs, interval=interval)


def publish_files(lake: Lake, dataflow: DataflowContract, run: str, months: Iterable[str]) -> None:
    """Publish a table with a small file for each of these months."""
    accepted = accept(dataflow, run, put_files(lake, dataflow, months))
    publication.publish(lake, dataflow, accepted, params={}, inputs={})


def _collected(root: Path, files: int) -> dict[str, float]:
    """Return seconds and megabytes of a garbage collection in a new process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, __file__, str(root), str(files)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _fill(root: Path, files: int) -> None:
    """Publish so many files twice, so that those of the first publication are garbage later."""
    lake = Lake(DiskStore(root))
    dataflow = DataflowContract("collected", "1.0.0", "us", "Counts.", (), (COUNTS,))
    months = [f"{_FIRST_YEAR + index // 120}-{index // 10 % 12 + 1:02}" for index in range(files)]
    for run in ("first", "second"):
        publish_files(lake, dataflow, run, months)


def _main(root: Path, files: int) -> None:
    """Collect garbage in a process that has done nothing else, and print what it took."""
    filling = os.fork()
    if not filling:
        _fill(root, files)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(filling, 0)[1]) != 0:
        raise SystemExit("the lake could not be filled")
    removed = count()
    lake = Lake(DiskStore(root), lambda: datetime.now(UTC) + _LATER)
    before = _megabytes("VmRSS")
    took = seconds(
        lambda: collect_garbage(
            lake, timedelta(days=1), by="benchmarks", on_removed=lambda _: next(removed)
        )
    )
    assert next(removed) > files
    sys.stdout.write(json.dumps({"seconds": took, "megabytes": _megabytes("VmHWM") - before}))


def _megabytes(name: str) -> float:
    """Return what the system says of this process's memory, now or at most."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
