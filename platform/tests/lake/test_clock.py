from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from isthmus_contracts import DataflowContract
from isthmus_platform.lake.clock import utc_now
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.garbage_collection import (
    Garbage,
    OldRelease,
    collect_garbage,
    find_garbage,
)
from isthmus_platform.lake.releases.pointer import read_moves
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import releases
from isthmus_platform.lake.releases.rollback import roll_back

LATER = datetime(2040, 1, 1, tzinfo=UTC)


def test_a_lake_has_the_real_time_unless_it_is_given_another(lake: Lake) -> None:
    before = utc_now()
    assert before <= lake.clock() <= utc_now()
    assert lake.clock().tzinfo is UTC


def test_everything_is_dated_by_the_lakes_clock(
    accepted: Callable[[str], Accepted], lake: Lake, dataflow: DataflowContract
) -> None:
    later = Lake(lake.store, lambda: LATER)
    first = publish(later, dataflow, accepted("first"), params={}, inputs={})
    publish(later, dataflow, accepted("second"), params={}, inputs={})
    roll_back(later, dataflow.identity, first.id, by="ada")
    assert first.created_at == LATER.isoformat()
    moves = read_moves(lake.pointer(dataflow.identity))
    assert {move.at for move in moves} == {LATER.isoformat()}


def test_what_is_old_is_old_by_the_lakes_clock(
    accepted: Callable[[str], Accepted], lake: Lake, dataflow: DataflowContract
) -> None:
    for run in ("first", "second"):
        publish(lake, dataflow, accepted(run), params={}, inputs={})
    assert list(find_garbage(lake, timedelta(days=1))) == []
    removed: list[Garbage] = []
    later = Lake(lake.store, lambda: LATER)
    collect_garbage(later, timedelta(days=1), by="eve", on_removed=removed.append)
    assert len([found for found in removed if isinstance(found, OldRelease)]) == 1
    assert [release.run for release, _ in releases(lake, dataflow.identity)] == ["second"]
