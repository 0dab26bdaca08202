from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract, UnknownNameError
from isthmus_contracts.codec import serialize
from isthmus_platform.lake.delta.tables import files_of, latest_version
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, read_moves
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current, pin, releases
from isthmus_platform.lake.releases.rollback import roll_back

on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def carriers_of(lake: Lake, of: Release) -> list[str]:
    table = pin(of, "carriers")
    (file,) = files_of(lake.path(table.table), table.version)
    return parquet.ParquetFile(file.local()).read()["carrier"].to_pylist()


@on_both
def test_a_rollback_moves_the_pointer_and_nothing_else(
    published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first, second = published("first"), published("second")
    roll_back(lake, dataflow.identity, first.id, by="eve")
    assert current(lake, dataflow.identity) == first
    assert releases(lake, dataflow.identity) == ((second, False), (first, True))
    last = read_moves(lake.pointer(dataflow.identity))[-1]
    assert (last.previous, last.reason, last.by) == (second.id, "rollback", "eve")
    assert latest_version(lake.table(dataflow.identity, "days")) == 1


def test_a_rollback_to_the_current_release_moves_nothing(
    published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first = published()
    roll_back(lake, dataflow.identity, first.id, by="eve")
    assert len(read_moves(lake.pointer(dataflow.identity))) == 1


def test_an_unknown_release_moves_nothing(
    published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first = published()
    with pytest.raises(UnknownNameError, match=first.id):
        roll_back(lake, dataflow.identity, "nothing", by="eve")
    assert len(read_moves(lake.pointer(dataflow.identity))) == 1


@on_both
def test_publishing_goes_on_afterwards(
    published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first, _ = published("first"), published("second")
    roll_back(lake, dataflow.identity, first.id, by="eve")
    third = published("third")
    assert current(lake, dataflow.identity) == third
    assert carriers_of(lake, third) == ["third"]
    assert carriers_of(lake, first) == ["first"]


def test_a_repetition_does_not_undo_it(
    published: Callable[..., Release],
    accepted: Callable[..., Accepted],
    lake: Lake,
    dataflow: DataflowContract,
) -> None:
    first, ready = published("first"), accepted("second")
    publish(lake, dataflow, ready, params={}, inputs={})
    roll_back(lake, dataflow.identity, first.id, by="eve")
    publish(lake, dataflow, ready, params={}, inputs={})
    assert current(lake, dataflow.identity) == first


def test_a_run_that_is_computed_again_is_current_after_it(
    published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first, _ = published("first"), published("second")
    roll_back(lake, dataflow.identity, first.id, by="eve")
    again = published("second")
    assert current(lake, dataflow.identity) == again


def test_requests_are_as_many_after_ten_thousand_moves(
    published: Callable[..., Release],
    lake: Lake,
    dataflow: DataflowContract,
    counted: tuple[Lake, Counter[str]],
) -> None:
    counting, counts = counted
    first, second = published("first"), published("second")
    folder = lake.pointer(dataflow.identity).local()
    for number in range(3, 10_001):
        to, since = (first, second) if number % 2 else (second, first)
        move = Move(number, to.id, since.id, "2013-01-01T00:00:00+00:00", "rollback", "eve")
        (folder / f"{10**8 - number:08}.json").write_text(json.dumps(serialize(move)))
    assert current(counting, dataflow.identity) == second
    assert counts == {"ordered_names": 1, "read": 2}
    counts.clear()
    roll_back(counting, dataflow.identity, first.id, by="eve")
    assert counts == {"ordered_names": 1, "read": 2, "create": 1}
    assert current(lake, dataflow.identity) == first
