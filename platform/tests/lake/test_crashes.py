from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of, latest_version
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.pointer import read_moves
from isthmus_platform.storage import disk, objects

pytestmark = pytest.mark.slow

Accept = Callable[..., Accepted]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)
Publisher = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]


class Crash(BaseException):
    """Stand for the power cut."""


def publish(lake: Lake, dataflow: DataflowContract, accepted: Accepted) -> releases.Release:
    return publication.publish(lake, dataflow, accepted, params={}, inputs={})


def check_whole(lake: Lake, release: releases.Release) -> None:
    """Expect every output of a release to be that of its run."""
    for name, rows in (("days", 2), ("carriers", 1)):
        pin = releases.pin(release, name)
        (file,) = files_of(lake.path(pin.table), pin.version)
        read = parquet.ParquetFile(file.local()).read()
        assert read.num_rows == release.tables[name].rows == rows
        if name == "carriers":
            assert read["carrier"].to_pylist() == [release.run]
    report = lake.path(release.files["report"].path).local()
    assert report.read_text(encoding="utf-8") == f"<p>{release.run}"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("where", "step"),
    [
        ("disk", (publication, "commit", 1)),
        ("disk", (publication, "commit", 2)),
        ("disk", (publication, "write_once", 1)),
        ("disk", (publication, "append_move", 1)),
        ("disk", (publication, "read_document", 1)),
        # Two manifests, the document of the release, the move of the pointer.
        *(("disk", (disk.os, "link", number)) for number in (1, 2, 3, 4)),
        ("bucket", (publication, "commit", 2)),
        *(("bucket", (objects.obstore, "put", number)) for number in (1, 2, 3, 4)),
    ],
    indirect=["where"],
    ids=lambda name: name if isinstance(name, str) else f"{name[1]}-{name[2]}",
)
def test_a_retry_recovers_from_a_crash_anywhere(
    accepted: Accept,
    lake: Lake,
    dataflow: DataflowContract,
    step: tuple[object, str, int],
    moment: str,
) -> None:
    before = publish(lake, dataflow, accepted("before"))
    ready = accepted("first")
    with pytest.MonkeyPatch.context() as patch:
        crash_at(patch, step, moment)
        with pytest.raises(Crash):
            publish(lake, dataflow, ready)
    assert releases.current(lake, dataflow.identity) in (before, _only_other(lake, dataflow))
    again = publish(lake, dataflow, ready)
    check_whole(lake, again)
    assert releases.releases(lake, dataflow.identity) == ((again, True), (before, False))
    assert [
        latest_version(lake.table(dataflow.identity, name)) for name in ("days", "carriers")
    ] == [1, 1]


def crash_at(patch: pytest.MonkeyPatch, step: tuple[object, str, int], moment: str) -> None:
    """Let the n-th call of a function crash, before or after it has done its work."""
    module, name, call = step
    real, calls = getattr(module, name), []

    def crashing(*args: object, **kwargs: object) -> object:
        calls.append(name)
        if len(calls) == call and moment == "before":
            raise Crash
        result = real(*args, **kwargs)
        if len(calls) == call:
            raise Crash
        return result

    patch.setattr(module, name, crashing)


def _only_other(lake: Lake, dataflow: DataflowContract) -> releases.Release | None:
    """Return the release of the crashed run if it is published; it must be whole then."""
    newest, *_ = (release for release, _ in releases.releases(lake, dataflow.identity))
    if newest.run == "first":
        check_whole(lake, newest)
        return newest
    return None


@on_both
@pytest.mark.parametrize(
    "step", ["between tables", "before the document", "before the pointer", "after the pointer"]
)
def test_a_retry_recovers_from_a_killed_process(
    accepted: Accept, lake: Lake, dataflow: DataflowContract, publisher: Publisher, step: str
) -> None:
    ready = accepted()
    with publisher([ready], step) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert (releases.current(lake, dataflow.identity) is not None) is (step == "after the pointer")
    again = publish(lake, dataflow, ready)
    check_whole(lake, again)
    assert releases.releases(lake, dataflow.identity) == ((again, True),)
    drafts = list(lake.store.drafts(lake.pointer(dataflow.identity).key))
    assert len(drafts) <= 1
    assert len(read_moves(lake.pointer(dataflow.identity))) == 1


def test_a_retry_that_computed_again_recovers_from_a_crash_too(
    accepted: Accept, lake: Lake, dataflow: DataflowContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = accepted()
    with monkeypatch.context() as patch:
        patch.setattr(publication, "write_once", _crash)
        with pytest.raises(Crash):
            publish(lake, dataflow, first)
    second = accepted()
    again = publish(lake, dataflow, second)
    check_whole(lake, again)
    table = lake.table(dataflow.identity, "days")
    assert [file.key for file in files_of(table, again.tables["days"].version)] == [
        file.path for file in second.output("days").files
    ]
    assert releases.releases(lake, dataflow.identity) == ((again, True),)


def _crash(*_: object) -> None:
    raise Crash


@pytest.mark.parametrize(("where", "runs"), [("disk", 10), ("bucket", 3)], indirect=["where"])
def test_two_processes_that_publish_at_once_lose_nothing(
    accepted: Accept, lake: Lake, dataflow: DataflowContract, publisher: Publisher, runs: int
) -> None:
    one = [accepted(f"a{n}") for n in range(runs)]
    two = [accepted(f"b{n}") for n in range(runs)]
    same = accepted("same")
    with publisher([*one, same]) as a, publisher([*two, same]) as b:
        assert (a.wait(60), b.wait(60)) == (0, 0)
    moves = read_moves(lake.pointer(dataflow.identity))
    assert len({move.release for move in moves}) == len(moves) == 2 * runs + 1
    assert [move.previous for move in moves[1:]] == [move.release for move in moves[:-1]]
    published = releases.releases(lake, dataflow.identity)
    assert sorted(release.run for release, _ in published) == sorted(
        accepted.run for accepted in (*one, *two, same)
    )
    for release, _ in published:
        check_whole(lake, release)
    assert sorted(release.tables["days"].version for release, _ in published) == list(
        range(2 * runs + 1)
    )
    names = tuple(f"{99_999_999 - n:08}.json" for n in reversed(range(2 * runs + 1)))
    assert lake.pointer(dataflow.identity).names() == names
