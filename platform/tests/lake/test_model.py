"""The protocol of publishing, as `docs/publishing.md` describes it, against a model of a few dicts.

Hypothesis plays all the actors: it accepts runs, publishes, crashes, lets publications conflict,
rolls back, collects garbage, lets days pass and leaves the drafts of killed writers. The model does
the same in memory, one action after the other. After each step the lake must read as the model.

The suite plays the same few games each time. `HYPOTHESIS_PROFILE=deep` plays many more, others
each time; `HYPOTHESIS_GAMES=N` says how many, and `--hypothesis-seed=N` repeats them.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from hypothesis.strategies import sampled_from as pick
from pyarrow import ipc, parquet

from isthmus_contracts import (
    Column,
    DataflowContract,
    File,
    Interval,
    Metric,
    Metrics,
    Output,
    Partitioning,
    Table,
)
from isthmus_contracts.protocol import (
    EngineProfile,
    RunIdentity,
    RunRequest,
    RunResult,
    StagedFile,
    StagedOutput,
)
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import read_document
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted, join
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import garbage_collection, pointer, publication, rollback
from isthmus_platform.lake.releases.manifests import manifests_of
from isthmus_platform.lake.releases.models import number_of
from isthmus_platform.lake.releases.references import References
from isthmus_platform.lake.releases.tombstones import RemovedReleaseError
from isthmus_platform.storage import DiskStore

pytestmark = pytest.mark.slow

T = TypeVar("T")
BY_MONTH = Partitioning("day", granularity="month")
MONTHS = ("2013-01", "2013-02", "2013-03")
COLUMNS = (Column("day", "date", "Day."), Column("n", "int64", "Number."))
COUNTS = Table("counts", "A row per month.", COLUMNS, partitioning=BY_MONTH)
REST: tuple[Output, ...] = (
    Table("total", "One number.", (Column("n", "int64", "Number."),)),
    File("report", "A page.", ".txt"),
    Metrics("quality", "Numbers.", (Metric("score", "Score."),)),
)
# A run keeps its interval for ever; cleared and computed again, its result may be another or not.
RUNS: Mapping[str, Interval | None] = {
    "everything": None,
    "january": BY_MONTH.interval("2013-01"),
    "february": BY_MONTH.interval("2013-02"),
    "quarter": Interval(BY_MONTH.interval("2013-01").start, BY_MONTH.interval("2013-03").end),
}
Result = tuple[str, Mapping[str, int], int, bool]
Choice = int | Result
Other = tuple[str, Any]
NUMBERS = st.integers(1, 9)
ANY = st.integers(0, 3)
RESULTS = st.tuples(
    pick(list(RUNS)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(MONTHS, NUMBERS)),
    NUMBERS,
    st.booleans(),
)
CHOICES = RESULTS | ANY  # a new result, or one that is there already
KEEP_DAYS = pick([0, 0, 1, 3])
OTHERS = st.one_of(
    st.none(),
    st.tuples(st.just("publish"), CHOICES),
    st.tuples(st.just("roll back"), ANY),
    st.tuples(st.just("garbage-collection"), KEEP_DAYS),
)
RETRIES = ["give up", "retry", "compute again"]
Step = tuple[Any, str, int]
# Before each of these, another writer may act; before, after and during it, any writer may die.
GAPS = [
    (publication, name, 1)
    for name in ("commit", "write_once", "check_not_collected", "append_move")
]
STEPS = [*GAPS, (publication, "commit", 2), *((os, "link", number) for number in (1, 2, 3, 4))]
# Garbage collection reads twice which files are needed: until it finds something, and for all.
COLLECTION_GAPS = [
    (garbage_collection, "write_once", 1),
    (garbage_collection, "append_removal", 1),
    (References, "add", 2),
    (DiskStore, "remove", 1),
]
COLLECTION_STEPS = [*COLLECTION_GAPS, (os, "unlink", 1), (os, "unlink", 2)]
MOMENTS = ["before", "after"]
START = datetime(2013, 1, 1, tzinfo=UTC)  # long ago, so that what nothing dates is young
# Thousands of small files are made and removed, for which a disk would take most of the time.
MEMORY = next(Path("/dev").glob("shm"), None)
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


class Crash(BaseException):
    """Stand for the power cut."""


class Clock:
    """Stand for the time as the lake knows it."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@dataclass
class Attempt:
    """What an attempt of transform left, when its files were made, and which release it became."""

    accepted: Accepted
    made: datetime
    release: str | None = None


@dataclass
class Run:
    """A run's result: a number for each month that has rows, and one for the other outputs."""

    name: str
    numbers: Mapping[str, int]
    rest: int | None
    in_parts: bool
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def interval(self) -> Interval | None:
        return RUNS[self.name]


@dataclass(frozen=True)
class Content:
    """What a reader of a release gets: each month's run and number, the others' run and number."""

    months: Mapping[str, tuple[str, int]]
    rest: tuple[str, int | None]


class Model:
    """What publishing promises, where nothing is concurrent and nothing is killed."""

    def __init__(self) -> None:
        self.moves: list[tuple[str, str]] = []
        self.contents: dict[str, Content] = {}
        self.left: dict[str, datetime] = {}
        self.removed: set[str] = set()
        self.limit = START

    @property
    def current(self) -> str | None:
        return self.moves[-1][1] if self.moves else None

    @property
    def kept(self) -> list[str]:
        return [content for content in self.contents if content not in self.removed]

    def publish(self, run: Run, attempt: Attempt, release: str, now: datetime) -> None:
        assert release not in self.contents
        months = dict(self.contents[self.current].months) if self.current else {}
        for month in BY_MONTH.names(run.interval) if run.interval else MONTHS:
            months.pop(month, None)
        months |= {month: (run.name, number) for month, number in run.numbers.items()}
        self.contents[release] = Content(months, (run.name, run.rest))
        self.move("publish", release, now)
        attempt.release = release

    def move(self, reason: str, release: str, now: datetime) -> None:
        if self.current is not None:
            self.left[self.current] = now
        self.moves.append((reason, release))

    def old(self, limit: datetime) -> set[str]:
        return {name for name in self.kept if name != self.current and self.left[name] < limit}


class Publishing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="model-", dir=MEMORY))
        self.model, self.clock = Model(), Clock()
        self.lake = Lake(DiskStore(self.root / "lake"), self.clock)
        self.runs: dict[tuple[object, ...], Run] = {}
        self.seen: dict[object, Any] = {}
        self.tombstones: set[str] = set()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "fsync", lambda _: None)  # nothing here is about power cuts

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.root)

    @initialize(rest=st.booleans())
    def declare(self, rest: bool) -> None:
        """Choose outputs: only without the rest may a run be computed in parts."""
        self.dataflow = DataflowContract(
            "model", "1.0.0", "us", "Counts.", (), (COUNTS, *(REST if rest else ()))
        )
        self.identity = self.dataflow.identity

    # What the actors do.

    @rule(days=pick([0, 1, 5]), result=RESULTS)
    def accept(self, days: int, result: Result) -> None:
        """Let days pass, and a run be accepted that waits for its publication or is given up."""
        self.clock.time += timedelta(days=days)
        self._run(result)

    @rule(choice=CHOICES, again=st.booleans(), which=ANY, step=pick(GAPS), other=OTHERS)
    def publish(
        self, choice: Choice, again: bool, which: int, step: Step, other: Other | None
    ) -> None:
        """Publish the outputs of any attempt of a run; at some step, another writer may act."""
        self._tick()
        run = self._run(choice)
        if again:
            self._accept(run)
        with at(step, lambda: self._act(other)):
            self._publish(run, which)

    @rule(choice=CHOICES, step=pick(STEPS), moment=pick(MOMENTS), then=pick(RETRIES))
    def publish_and_crash(self, choice: Choice, step: Step, moment: str, then: str) -> None:
        self._tick()
        run = self._run(choice)
        with at(step, crash, moment):
            try:
                self._publish(run)
            except Crash:
                moves = self._moves()
                if len(moves) > len(self.model.moves):
                    self.model.publish(run, run.attempts[-1], moves[-1].release, self.clock.time)
                self._leave_drafts()
        if then == "compute again":
            self._accept(run)
        if then != "give up":
            self._publish(run)

    @precondition(lambda self: self.model.moves)
    @rule(which=ANY, other=OTHERS)
    def roll_back(self, which: int, other: Other | None) -> None:
        self._tick()
        with at((rollback, "append_move", 1), lambda: self._act(other)):
            self._roll_back(which)

    @rule(days=KEEP_DAYS, step=pick(COLLECTION_STEPS), moment=pick(MOMENTS))
    def collect_and_crash(self, days: int, step: Step, moment: str) -> None:
        self._tick()
        limit = self.clock.time - timedelta(days=days)
        with at(step, crash, moment):
            try:
                self._collect(days)
            except Crash:
                self._settle_collection(limit)
                self._leave_drafts()

    @rule(days=KEEP_DAYS, one=st.booleans(), step=pick(COLLECTION_GAPS), other=OTHERS)
    def collect(self, days: int, one: bool, step: Step, other: Other | None) -> None:
        self._tick()
        limit = self.clock.time - timedelta(days=days)

        def act() -> None:
            self._settle_collection(limit)
            self._act(other)

        with at(step, act):
            self._collect(days, one=one)

    # What is expected of each of them.

    def _tick(self) -> None:
        self.clock.time += timedelta(minutes=1)

    def _publish(self, run: Run, which: int = 0) -> None:
        attempt = run.attempts[-1 - which % len(run.attempts)]
        too_old = self._may_be_collected(attempt)
        try:
            done = publication.publish(
                self.lake, self.dataflow, attempt.accepted, params={}, inputs={}
            )
        except RemovedReleaseError:
            assert attempt.release in self.model.removed or self._may_be_collected(attempt)
        except PublicationError:
            assert self._may_be_collected(attempt)
        else:
            assert not too_old
            assert done.id in [move.release for move in self._moves()]
            if attempt.release is None:
                self.model.publish(run, attempt, done.id, self.clock.time)
            assert done.id == attempt.release
            assert done.id not in self.model.removed

    def _may_be_collected(self, attempt: Attempt) -> bool:
        return attempt.release is None and attempt.made < self.model.limit

    def _roll_back(self, which: int) -> None:
        newest_first = reversed(self.model.contents)
        names = sorted(newest_first, key=lambda name: name == self.model.current)
        wanted = names[which % len(names)]
        try:
            releases.roll_back(self.lake, self.identity, wanted, by="ada")
        except RemovedReleaseError:
            assert wanted in self.model.removed
            return
        assert wanted not in self.model.removed
        if self.model.current != wanted:
            self.model.move("rollback", wanted, self.clock.time)

    def _collect(self, days: int, *, one: bool = False) -> None:
        now = self.clock.time
        limit = now - timedelta(days=days)
        garbage_collection.collect_garbage(
            self.lake, timedelta(days=days), self.identity if one else None, by="eve"
        )
        self._settle_collection(limit)
        assert not self.model.old(limit)
        needed = {file for document in self._documents() for file in self._files(document)}
        for folder in self.lake.outputs(self.identity):
            for file in folder.walk():
                young = file.modified >= limit
                assert young or file.key in needed or "/_delta_log/" in file.key
        for folder in (self.lake.releases(self.identity), self.lake.pointer(self.identity)):
            for draft in self.lake.store.drafts(folder.key):
                assert draft.modified >= now - timedelta(days=1)

    def _settle_collection(self, limit: datetime) -> None:
        """Let the model do what garbage collection, which may be unfinished, has done by now."""
        tombstones = {*self.lake.tombstones().names()}
        if tombstones - self.tombstones:
            self.model.limit = max(self.model.limit, limit)
        self.tombstones |= tombstones
        moves = self._moves()
        if len(moves) > len(self.model.moves):
            removed = {name for name in self.model.kept if not moves[-1].keeps(name)}
            assert removed == self.model.old(limit)
            self.model.removed |= removed
            self.model.move(moves[-1].reason, moves[-1].release, self.clock.time)

    def _act(self, other: Other | None) -> None:
        """Do what another writer does at the same time."""
        if other is None:
            return
        what, detail = other
        if what == "publish":
            self._publish(self._run(detail))
        elif what == "garbage-collection":
            self._collect(detail)
        elif self.model.moves:
            self._roll_back(detail)

    @invariant()
    def the_lake_reads_as_the_model(self) -> None:
        moves = self._moves()
        assert [(move.reason, move.release) for move in moves] == self.model.moves
        assert [move.previous for move in moves[1:]] == [move.release for move in moves[:-1]]
        kept = [(name, name == self.model.current) for name in reversed(self.model.kept)]
        found = releases.releases(self.lake, self.identity)
        assert [(release.id, is_current) for release, is_current in found] == kept
        for release, _ in found:
            assert self._content(release) == self.model.contents[release.id]
        current = releases.current(self.lake, self.identity)
        assert (current and current.id) == self.model.current

    # How the lake is read, and what lies in it.

    def _moves(self) -> tuple[pointer.Move, ...]:
        return pointer.read_moves(self.lake.pointer(self.identity))

    def _documents(self) -> list[releases.Release]:
        """Return the releases that exist, and those that the next move may publish."""
        moves = self._moves()
        published = {move.release for move in moves if moves[-1].keeps(move.release)}
        found = []
        for document in self.lake.releases(self.identity).walk():
            if document.key.endswith(".json") and "/." not in document.key:
                release = read_document(releases.Release, self.lake.path(document.key))
                if release.id in published or number_of(release.id) > len(moves):
                    found.append(release)
        return found

    def _content(self, release: releases.Release) -> Content:
        """Return what a reader gets, who takes nothing but what the release names."""
        for key in self._files(release):
            assert self.lake.path(key).find() is not None
        counts = release.tables["counts"]
        partitions = releases.partitions_of(self.lake, counts)
        months = {}
        for name, part in partitions.items():
            rows = [row for file in part.files for row in self._rows(f"{counts.path}/{file.name}")]
            ((day, number),) = rows
            assert BY_MONTH.name(day) == name
            months[name] = (part.run, number)
        named = {file.name for part in partitions.values() for file in part.files}
        assert named == {key.rpartition("/")[2] for key in self._table(counts)}
        for table in release.tables.values():
            parts = releases.partitions_of(self.lake, table).values()
            assert sum(part.rows for part in parts) == table.rows
        assert counts.rows == len(months)
        if "total" not in release.tables:
            return Content(months, (release.run, None))
        (key,) = self._table(release.tables["total"])
        ((number,),) = self._rows(key)
        report = release.files["report"]
        content = self.lake.store.read(report.path)
        assert hashlib.sha256(content).hexdigest() == report.sha256
        assert content.decode() == f"{release.run} {number}"
        assert release.metrics == {"quality": {"score": number}}
        return Content(months, (release.run, number))

    def _files(self, release: releases.Release) -> list[str]:
        """Return its manifests, and what versions of tables hold, whatever manifests list."""
        manifests = [place.key for place, _ in manifests_of(self.lake, release)]
        tables = [key for table in release.tables.values() for key in self._table(table)]
        return [*manifests, *tables, *(file.path for file in release.files.values())]

    def _table(self, table: releases.ReleasedTable) -> tuple[str, ...]:
        def read() -> tuple[str, ...]:
            return tuple(file.key for file in files_of(self.lake.path(table.path), table.version))

        return self._once((table.path, table.version), read)

    def _rows(self, key: str) -> list[tuple[Any, ...]]:
        def read() -> list[tuple[Any, ...]]:
            rows = parquet.ParquetFile(self.lake.path(key).local()).read().to_pylist()
            return [tuple(row.values()) for row in rows]

        return self._once(key, read)

    def _once(self, what: object, read: Callable[[], T]) -> T:
        """Remember what never changes: a version's files, and what a file holds."""
        if what not in self.seen:
            self.seen[what] = read()
        found: T = self.seen[what]
        return found

    def _run(self, choice: Choice) -> Run:
        """Return a run that is known, or one with a new result, which is accepted."""
        if isinstance(choice, int):
            if self.runs:
                ready = sorted(self.runs.values(), key=lambda run: run.attempts[-1].release is None)
                return ready[-1 - choice % len(ready)]
            choice = ("january", {"2013-01": 1}, 1, False)
        name, numbers, rest, in_parts = choice
        interval = RUNS[name]
        months = BY_MONTH.names(interval) if interval else MONTHS
        numbers = {month: numbers[month] for month in months if month in numbers}
        run = Run(name, numbers, rest if len(self.dataflow.outputs) > 1 else None, in_parts)
        run = self.runs.setdefault((name, *numbers.items(), run.rest), run)
        if not run.attempts:
            self._accept(run)
            self._tick()
        return run

    def _accept(self, run: Run) -> None:
        """Let a run compute and be accepted: another attempt is published anew, also the same."""
        has_files = run.numbers or run.rest is not None
        made = self.clock.time if has_files else datetime.max.replace(tzinfo=UTC)  # never too old
        if run.in_parts and run.interval is not None and run.rest is None:
            spans = [BY_MONTH.interval(name) for name in BY_MONTH.names(run.interval)]
            parts = [self._accept_part(run, interval) for interval in reversed(spans)]
            accepted = join(parts, run.interval)
        else:
            accepted = self._accept_part(run, run.interval)
        run.attempts.append(Attempt(accepted, made))

    def _accept_part(self, run: Run, interval: Interval | None) -> Accepted:
        staging = Path(tempfile.mkdtemp(dir=self.root))
        names = BY_MONTH.names(interval) if interval else MONTHS
        outputs = [
            StagedOutput(
                "counts",
                tuple(
                    staged(staging, f"{name}.arrows", month_of(name, number), 1, name)
                    for name, number in run.numbers.items()
                    if name in names
                ),
            )
        ]
        if run.rest is not None:
            text = f"{run.name} {run.rest}".encode()
            outputs += [
                StagedOutput("total", (staged(staging, "total.arrows", total_of(run.rest), 1),)),
                StagedOutput("report", (staged(staging, "report.txt", text),)),
                StagedOutput("quality", metrics={"score": run.rest}),
            ]
        number, name = len(run.attempts) + 1, str(self.identity)
        identity = RunIdentity(run.name, "transform", number)
        request = RunRequest(
            identity,
            name,
            self.dataflow.version,
            tuple(output.name for output in outputs),
            {},
            {},
            str(staging),
            EngineProfile("sequential", {}),
            interval=interval,
        )
        result = RunResult(identity, name, self.dataflow.version, "code", tuple(outputs))
        accepted = accept(self.dataflow, request, result, self.lake, LocalEncoder(512_000_000))
        for accepted_file in (file for output in accepted.outputs for file in output.files):
            self._date(self.lake.path(accepted_file.path).local())
        return accepted

    def _leave_drafts(self) -> None:
        """Leave what a writer leaves that was killed before its document had its name."""
        places = (self.lake.releases(self.identity) / "x", self.lake.pointer(self.identity))
        for folder in (*places, self.lake.manifests(self.lake.table(self.identity, "counts").key)):
            draft = folder.local() / f".{99_999_999 - len(self.model.moves):08}.json.{uuid4().hex}"
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(b"{")
            self._date(draft)

    def _date(self, path: Path) -> None:
        os.utime(path, (self.clock.time.timestamp(),) * 2)


def staged(
    staging: Path, name: str, content: bytes, rows: int | None = None, partition: str | None = None
) -> StagedFile:
    (staging / name).write_bytes(content)
    return StagedFile(name, len(content), hashlib.sha256(content).hexdigest(), rows, partition)


@cache
def month_of(name: str, number: int) -> bytes:
    day = pa.array([BY_MONTH.interval(name).start], pa.date32())
    return in_stream(pa.record_batch({"day": day, "n": [number]}))


@cache
def total_of(number: int) -> bytes:
    return in_stream(pa.record_batch({"n": [number]}))


def in_stream(rows: pa.RecordBatch) -> bytes:
    file = io.BytesIO()
    with ipc.new_stream(file, rows.schema) as stream:
        stream.write_batch(rows)
    return file.getvalue()


@contextmanager
def at(step: Step, act: Callable[[], object], moment: str = "before") -> Iterator[None]:
    """Act once, just before or after the n-th call of a function."""
    owner, name, call = step
    real, calls = getattr(owner, name), itertools.count(1)

    def wrapped(*args: object, **kwargs: object) -> object:
        now = next(calls) == call
        if now and moment == "before":
            act()
        result = real(*args, **kwargs)
        if now and moment == "after":
            act()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, wrapped)
        yield


def crash() -> None:
    raise Crash


Publishing.TestCase.settings = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_GAMES", "2000" if DEEP else "150")),
    stateful_step_count=30 if DEEP else 15,
    derandomize=not DEEP,
    deadline=None,
    database=None,
    print_blob=DEEP,
    suppress_health_check=list(HealthCheck),
    # To find the shortest game that fails takes minutes.
    phases=[Phase.generate, Phase.shrink] if DEEP else [Phase.generate],
)
TestPublishing = Publishing.TestCase
