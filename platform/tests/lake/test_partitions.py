from __future__ import annotations

import hashlib
import itertools
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import ipc

from isthmus_contracts import (
    Column,
    DataflowContract,
    Interval,
    Metric,
    Metrics,
    Param,
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
from isthmus_platform.errors import PublicationError, ResultError, TableContractError
from isthmus_platform.lake.delta.tables import files_of, read_version
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted, join
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.garbage_collection import collect_garbage
from isthmus_platform.lake.releases.manifests import partitions_of
from isthmus_platform.lake.releases.models import Release, document_of
from isthmus_platform.lake.releases.pointer import read_moves
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current, releases
from isthmus_platform.lake.releases.rollback import roll_back

BY_MONTH = Partitioning("day", granularity="month")
COUNTS = Table(
    "counts",
    "One row per day.",
    (Column("day", "date", "Day."), Column("n", "int64", "Number.", minimum=0)),
    key=("day",),
    partitioning=BY_MONTH,
)
DATAFLOW = DataflowContract("counted", "1.0.0", "data-science", "Counts.", (), (COUNTS,))
YEAR = Interval(date(2013, 1, 1), date(2014, 1, 1))
MONTHS = [f"2013-{month:02}" for month in range(1, 13)]

Rows = Mapping[str, int]


@pytest.fixture
def run(tmp_path: Path, lake: Lake, encoder: LocalEncoder) -> Callable[..., Accepted]:
    """Accept a run that made partitions, each of two days with the number given."""

    def make(
        name: str,
        rows: Rows,
        interval: Interval | None = None,
        dataflow: DataflowContract = DATAFLOW,
        **claims: StagedFile,
    ) -> Accepted:
        staging = tmp_path / "staging_directories" / name
        staging.mkdir(parents=True)
        files = [stage(staging, month, number) for month, number in rows.items()]
        files = [claims.get(f"p{file.partition}", file) for file in files]
        outputs = [StagedOutput("counts", tuple(files))]
        if len(dataflow.outputs) > 1:
            outputs.append(StagedOutput("quality", metrics={"score": 1.0}))
        identity = RunIdentity(name, "transform", 1)
        what = (str(dataflow.identity), dataflow.version)
        request = RunRequest(
            identity,
            *what,
            tuple(output.name for output in dataflow.outputs),
            {},
            {},
            str(staging),
            EngineProfile("sequential", {}),
            interval=interval,
        )
        result = RunResult(identity, *what, "code", tuple(outputs))
        return accept(dataflow, request, result, lake, encoder)

    return make


def stage(staging: Path, month: str, number: int) -> StagedFile:
    first = BY_MONTH.interval(month).start
    rows = pa.record_batch(
        {"day": pa.array([first, first + timedelta(1)], pa.date32()), "n": [number, number]}
    )
    path = staging / f"{month}.arrows"
    with path.open("xb") as file, ipc.new_stream(file, rows.schema) as stream:
        stream.write_batch(rows)
    content = path.read_bytes()
    return StagedFile(path.name, len(content), hashlib.sha256(content).hexdigest(), 2, month)


def month(name: str) -> Interval:
    return BY_MONTH.interval(name)


def published(lake: Lake, accepted: Accepted, dataflow: DataflowContract = DATAFLOW) -> Release:
    return publish(lake, dataflow, accepted, params={}, inputs={})


def content(lake: Lake, release: Release | None = None) -> dict[str, int]:
    """Return what readers get: the number of each month, whose rows must all agree."""
    release = release or current(lake, DATAFLOW.identity)
    assert release is not None
    table = release.tables["counts"]
    read = read_version(lake.path(table.path), table.version).to_pyarrow_table().to_pylist()
    partitions = partitions_of(lake, table)
    assert len(read) == table.rows == sum(partition.rows for partition in partitions.values())
    found: dict[str, set[int]] = {}
    for row in read:
        found.setdefault(BY_MONTH.name(row["day"]), set()).add(row["n"])
    assert found.keys() == partitions.keys()
    return {name: number for name, (number,) in sorted(found.items())}


def test_twelve_months_in_any_order_and_twice_are_one_year(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    whole = {name: number for number, name in enumerate(MONTHS)}
    order = random.Random(7).sample(MONTHS * 2, 24)  # noqa: S311 - no secret
    for turn, name in enumerate(order):
        published(lake, run(f"{name} {turn}", {name: whole[name]}, month(name)))
    by_months = content(lake)
    year = published(lake, run("year", whole, YEAR))
    assert content(lake, year) == by_months == whole
    everything = published(lake, run("everything", whole))
    assert content(lake, everything) == whole


def test_a_release_says_which_run_each_partition_came_from(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    published(lake, run("year", {"2013-01": 1, "2013-02": 2}, YEAR))
    release = published(lake, run("again", {"2013-02": 3}, month("2013-02")))
    partitions = partitions_of(lake, release.tables["counts"])
    assert {name: partition.run for name, partition in partitions.items()} == {
        "2013-01": "year",
        "2013-02": "again",
    }
    assert release.interval == month("2013-02")


def test_rolled_back_rows_do_not_return_with_another_partition(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    good = published(lake, run("good", {"2013-01": 1, "2013-02": 2}, YEAR))
    published(lake, run("bad", {"2013-01": 666, "2013-02": 666, "2013-03": 666}, YEAR))
    roll_back(lake, DATAFLOW.identity, good.id, by="ada")
    published(lake, run("march", {"2013-03": 3}, month("2013-03")))
    assert content(lake) == {"2013-01": 1, "2013-02": 2, "2013-03": 3}
    assert content(lake, good) == {"2013-01": 1, "2013-02": 2}


def test_unpublished_rows_do_not_return_with_another_partition(
    lake: Lake, run: Callable[..., Accepted], monkeypatch: pytest.MonkeyPatch
) -> None:
    published(lake, run("first", {"2013-01": 1}, YEAR))
    crashed = run("crashed", {"2013-02": 666}, month("2013-02"))
    with monkeypatch.context() as patch:
        patch.setattr(publication, "write_once", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            published(lake, crashed)
    published(lake, run("march", {"2013-03": 3}, month("2013-03")))
    assert content(lake) == {"2013-01": 1, "2013-03": 3}
    published(lake, crashed)
    assert content(lake) == {"2013-01": 1, "2013-02": 666, "2013-03": 3}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_partition_without_rows_is_removed(lake: Lake, run: Callable[..., Accepted]) -> None:
    published(lake, run("year", {"2013-01": 1, "2013-02": 2}, YEAR))
    published(lake, run("none", {}, month("2013-01")))
    assert content(lake) == {"2013-02": 2}
    published(lake, run("none at all", {}, YEAR))
    assert content(lake) == {}


def test_a_run_for_everything_replaces_every_partition(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    published(lake, run("years", {"2012-12": 0, "2013-01": 1}))
    published(lake, run("everything", {"2013-02": 2}))
    assert content(lake) == {"2013-02": 2}


def test_partitions_of_different_params_are_published_with_a_warning(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    mixed = replace(DATAFLOW, params=(Param("model", "string", "a", "Model."),))

    def publish_with(model: str, accepted: Accepted) -> Release:
        return publish(lake, mixed, accepted, params={"model": model}, inputs={})

    year = publish_with("a", run("year", {"2013-01": 1, "2013-02": 2}, YEAR))
    assert year.warnings == ()
    one = publish_with("b", run("one", {"2013-02": 3}, month("2013-02")))
    sentence = (
        "table 'counts': its partitions were computed with different values of param 'model': "
    )
    assert one.warnings == (f'{sentence}"a" in 1, "b" in 1',)
    # It stays mixed, whatever the newest run was given, until the last such month is replaced.
    two = publish_with("b", run("two", {"2013-03": 4}, month("2013-03")))
    assert two.warnings == (f'{sentence}"a" in 1, "b" in 2',)
    parts = partitions_of(lake, two.tables["counts"])
    assert {name: part.params["model"] for name, part in parts.items()} == {
        "2013-01": "a",
        "2013-02": "b",
        "2013-03": "b",
    }
    three = publish_with("b", run("three", {"2013-01": 5}, month("2013-01")))
    assert three.warnings == ()


def test_repeating_a_publication_changes_nothing(lake: Lake, run: Callable[..., Accepted]) -> None:
    first = run("first", {"2013-01": 1}, month("2013-01"))
    one = published(lake, first)
    two = published(lake, run("second", {"2013-02": 2}, month("2013-02")))
    assert published(lake, first) == one
    assert current(lake, DATAFLOW.identity) == two
    roll_back(lake, DATAFLOW.identity, one.id, by="ada")
    published(lake, run("second again", {"2013-02": 2}, month("2013-02")))
    assert published(lake, first) == one
    assert content(lake) == {"2013-01": 1, "2013-02": 2}


def test_a_publication_is_prepared_again_after_a_conflict(
    lake: Lake, run: Callable[..., Accepted], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = run("slow", {"2013-01": 1}, month("2013-01"))
    fast = run("fast", {"2013-02": 2}, month("2013-02"))
    move = publication.append_move

    def conflicting(*args: object, **options: object) -> bool:
        monkeypatch.setattr(publication, "append_move", move)
        published(lake, fast)
        return move(*args, **options)  # type: ignore[arg-type] # as it was called

    monkeypatch.setattr(publication, "append_move", conflicting)
    published(lake, slow)
    assert content(lake) == {"2013-01": 1, "2013-02": 2}
    assert [release.run for release, _ in releases(lake, DATAFLOW.identity)] == ["slow", "fast"]


def test_concurrent_publications_lose_nothing(lake: Lake, run: Callable[..., Accepted]) -> None:
    whole = {name: number for number, name in enumerate(MONTHS)}
    ready = [run(name, {name: number}, month(name)) for name, number in whole.items()]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda accepted: published(lake, accepted), ready))
    assert content(lake) == whole
    assert len(read_moves(lake.pointer(DATAFLOW.identity))) == 12
    for release, _ in releases(lake, DATAFLOW.identity):
        content(lake, release)


def test_the_newest_version_with_other_columns_is_replaced(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    good = published(lake, run("good", {"2013-01": 1}, YEAR))
    more = (*COUNTS.columns, Column("note", "string", "A note.", nullable=True))
    wider = replace(DATAFLOW, outputs=(replace(COUNTS, columns=more),))
    with pytest.raises(TableContractError, match="column 'note' is missing"):
        run("narrow", {"2013-02": 2}, None, wider)
    bad = replace(
        DATAFLOW,
        outputs=(
            replace(COUNTS, columns=(COUNTS.columns[0], replace(COUNTS.columns[1], nullable=True))),
        ),
    )
    published(lake, run("other", {"2013-02": 2}, None, bad), bad)
    with pytest.raises(PublicationError, match="has other columns in the current release"):
        published(lake, run("part", {"2013-03": 3}, month("2013-03")))
    roll_back(lake, DATAFLOW.identity, good.id, by="ada")
    after = published(lake, run("part again", {"2013-03": 3}, month("2013-03")))
    assert content(lake) == {"2013-01": 1, "2013-03": 3}
    table = after.tables["counts"]
    fields = read_version(lake.path(table.path), table.version).schema().fields
    assert [field.nullable for field in fields] == [False, False]


@pytest.mark.parametrize(
    ("partitioning", "problem"),
    [
        (None, "has no partitions in the current release"),
        (Partitioning("day", "year"), "has partitions by year of day in the current release"),
    ],
)
def test_a_table_with_other_partitions_before_needs_a_run_for_everything(
    lake: Lake, run: Callable[..., Accepted], partitioning: Partitioning | None, problem: str
) -> None:
    release = published(lake, run("first", {"2013-01": 1}))
    document = document_of(lake, DATAFLOW.identity, release.id)
    table = replace(release.tables["counts"], partitioning=partitioning)
    document.remove()
    write_once(document, replace(release, tables={"counts": table}))
    with pytest.raises(PublicationError, match=problem):
        published(lake, run("second", {"2013-02": 2}, month("2013-02")))
    published(lake, run("third", {"2013-02": 2}))
    assert content(lake) == {"2013-02": 2}


def test_a_release_shares_the_manifests_that_its_run_did_not_change(
    lake: Lake, run: Callable[..., Accepted]
) -> None:
    year = dict.fromkeys(("2012-11", "2012-12", "2013-01", "2013-02", "2014-01"), 1)
    before = published(lake, run("all", year)).tables["counts"].manifests
    after = published(lake, run("one", {"2013-01": 2}, month("2013-01"))).tables["counts"].manifests
    assert [*before] == [*after] == ["2012", "2013", "2014"]
    assert [key for key in before if before[key] != after[key]] == ["2013"]
    emptied = published(lake, run("none", {}, month("2014-01"))).tables["counts"].manifests
    assert emptied == {key: after[key] for key in ("2012", "2013")}
    assert content(lake) == {"2012-11": 1, "2012-12": 1, "2013-01": 2, "2013-02": 1}


def test_publishing_a_part_asks_for_what_the_part_costs(
    lake: Lake, run: Callable[..., Accepted], counted: tuple[Lake, Counter[str]]
) -> None:
    counting, counts = counted

    def requests(years: int) -> Counter[str]:
        days = [date(1000 + year, number, 1) for year in range(years) for number in range(1, 13)]
        published(lake, run(f"{years}", {BY_MONTH.name(day): 1 for day in days}))
        ready = run(f"a part of {years}", {"1000-06": 2}, month("1000-06"))
        counts.clear()
        published(counting, ready)
        return counts.copy()

    assert requests(2) == requests(20)
    assert 0 < sum(counts.values()) < 20


class TestRefused:
    @pytest.mark.parametrize(
        ("rows", "interval", "problem"),
        [
            (
                {"2013-02": 1},
                month("2013-01"),
                "partition '2013-02'; the run is for 2013-01-01",
            ),
            ({"2012-12": 1, "2013-01": 1}, YEAR, "has partition '2012-12'"),
        ],
    )
    def test_a_partition_outside_the_interval(
        self, run: Callable[..., Accepted], rows: Rows, interval: Interval, problem: str
    ) -> None:
        with pytest.raises(ResultError, match=problem):
            run("x", rows, interval)

    @pytest.mark.parametrize(
        ("partition", "problem"),
        [
            (None, "table 'counts' has files of no partition"),
            ("2013-13", "'2013-13' is not the name of a month"),
            ("../2013", "is not the name of a month"),
        ],
    )
    def test_a_file_with_an_unknown_partition(
        self,
        run: Callable[..., Accepted],
        tmp_path: Path,
        partition: str | None,
        problem: str,
    ) -> None:
        staging = tmp_path / "other"
        staging.mkdir()
        claim = replace(stage(staging, "2013-01", 1), partition=partition)
        with pytest.raises(ResultError, match=problem):
            run("x", {"2013-01": 1}, None, **{"p2013-01": claim})

    def test_rows_of_another_partition(
        self, run: Callable[..., Accepted], tmp_path: Path, lake: Lake
    ) -> None:
        staging = tmp_path / "other"
        staging.mkdir()
        claim = replace(stage(staging, "2013-01", 1), partition="2013-02")
        with pytest.raises(
            TableContractError, match="the file of partition 2013-02 has rows of 2013-01"
        ):
            run("x", {"2013-01": 1}, None, **{"p2013-01": claim})
        assert not list(lake.table(DATAFLOW.identity, "counts").walk())

    def test_too_few_rows_in_a_partition(self, run: Callable[..., Accepted]) -> None:
        least = replace(DATAFLOW, outputs=(replace(COUNTS, min_rows=1),))
        two = Interval(date(2013, 1, 1), date(2013, 3, 1))
        with pytest.raises(TableContractError, match=r"only 0 rows in partition 2013-02; .* 1"):
            run("x", {"2013-01": 1}, two, least)
        with pytest.raises(TableContractError, match=r"there are only 0 rows; .* says 1"):
            run("y", {}, None, least)
        run("z", {"2013-01": 1}, None, least)

    def test_a_volume_that_changed_too_much_in_one_partition(
        self, lake: Lake, run: Callable[..., Accepted]
    ) -> None:
        steady = replace(DATAFLOW, outputs=(replace(COUNTS, max_row_change=0.5),))
        whole = dict.fromkeys(MONTHS, 1)
        published(lake, run("year", whole, YEAR, steady), steady)
        empty = run("empty", {}, month("2013-05"), steady)
        with pytest.raises(PublicationError, match="2013-05 of table 'counts' has 0 rows"):
            published(lake, empty, steady)
        published(lake, run("new", {"2014-01": 1}, month("2014-01"), steady), steady)

    def test_a_partition_of_a_table_without_partitions(self, run: Callable[..., Accepted]) -> None:
        plain = replace(DATAFLOW, outputs=(replace(COUNTS, partitioning=None),))
        with pytest.raises(ResultError, match="is of partition '2013-01'; the contract has none"):
            run("x", {"2013-01": 1}, None, plain)


def test_partitions_of_old_runs_survive_garbage_collection_and_allow_new_ones(
    lake: Lake, run: Callable[..., Accepted], tmp_path: Path
) -> None:
    published(lake, run("old", {"2013-01": 1}, month("2013-01")))
    published(lake, run("replaced", {"2013-02": 666}, month("2013-02")))
    for path in (tmp_path / "lake").rglob("*.parquet"):
        os.utime(path, (0, 0))
    published(lake, run("new", {"2013-02": 2}, month("2013-02")))
    collect_garbage(lake, timedelta(0), by="eve")
    assert content(lake) == {"2013-01": 1, "2013-02": 2}
    published(lake, run("newer", {"2013-03": 3}, month("2013-03")))
    assert content(lake) == {"2013-01": 1, "2013-02": 2, "2013-03": 3}


@pytest.mark.parametrize("meanwhile", ["nothing", "garbage collection"])
def test_a_release_consists_of_the_files_of_the_attempt_that_published_it(
    lake: Lake,
    run: Callable[..., Accepted],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: str,
) -> None:
    published(lake, run("february", {"2013-02": 2}, month("2013-02")))
    crashed, again = (
        replace(run(name, {"2013-01": 1}, month("2013-01")), run="january")
        for name in ("crashed", "again")
    )
    with monkeypatch.context() as patch:
        patch.setattr(publication, "write_once", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            published(lake, crashed)
    if meanwhile == "garbage collection":
        for file in crashed.outputs[0].files:
            os.utime(tmp_path / "lake" / file.path, (0, 0))
        collect_garbage(lake, timedelta(days=1), by="eve")
    assert crashed.digest == again.digest
    table = published(lake, again).tables["counts"]
    named = {file.name for part in partitions_of(lake, table).values() for file in part.files}
    assert named == {file.name for file in files_of(lake.path(table.path), table.version)}
    assert content(lake) == {"2013-01": 1, "2013-02": 2}


def test_other_outputs_are_replaced_whole(lake: Lake, run: Callable[..., Accepted]) -> None:
    metrics = Metrics("quality", "Numbers.", (Metric("score", "Score."),))
    both = replace(DATAFLOW, outputs=(COUNTS, metrics))
    published(lake, run("one", {"2013-01": 1}, month("2013-01"), both), both)
    release = published(lake, run("two", {"2013-02": 2}, month("2013-02"), both), both)
    assert release.metrics == {"quality": {"score": 1.0}}
    assert content(lake) == {"2013-01": 1, "2013-02": 2}


class TestJoin:
    def parts(self, run: Callable[..., Accepted], *names: str) -> list[Accepted]:
        made = [run(name, {name: 1}, month(name)) for name in names]
        return [replace(part, run="one") for part in made]

    def test_parts_in_any_order_are_published_as_one(
        self, lake: Lake, run: Callable[..., Accepted]
    ) -> None:
        parts = self.parts(run, "2013-02", "2013-03", "2013-01")
        interval = Interval(date(2013, 1, 1), date(2013, 4, 1))
        joined = [join(permutation, interval) for permutation in itertools.permutations(parts)]
        assert len({whole.digest for whole in joined}) == 1
        release = published(lake, joined[0])
        assert content(lake) == dict.fromkeys(("2013-01", "2013-02", "2013-03"), 1)
        assert release.interval == interval

    def test_a_missing_part_is_refused(self, run: Callable[..., Accepted]) -> None:
        parts = self.parts(run, "2013-01", "2013-03")
        interval = Interval(date(2013, 1, 1), date(2013, 4, 1))
        with pytest.raises(PublicationError, match="its parts are 2013-01-01 to before 2013-02-01"):
            join(parts, interval)
        with pytest.raises(PublicationError, match="the run is for"):
            join(parts[:1], interval)
        with pytest.raises(PublicationError, match="the run is for everything"):
            join(parts, None)

    def test_parts_of_different_code_are_refused(self, run: Callable[..., Accepted]) -> None:
        one, two = self.parts(run, "2013-01", "2013-02")
        with pytest.raises(PublicationError, match=r"different code \(code, newer\)"):
            join([one, replace(two, code_version="newer")], YEAR)
