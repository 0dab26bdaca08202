from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract, UnknownNameError
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.delta.tables import files_of, latest_version
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import read_moves
from isthmus_platform.lake.releases.queries import current, pin, release, releases, rollback
from isthmus_platform.storage import DiskStore

Accept = Callable[..., Accepted]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def carriers_of(lake: Lake, of: Release) -> list[str]:
    table = pin(of, "carriers")
    (file,) = files_of(lake.path(table.table), table.version)
    return parquet.ParquetFile(file.local()).read()["carrier"].to_pylist()


class TestRead:
    def test_an_unknown_release_lists_the_known_ones(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        for name in ("nothing", "../pointer/00000001", ""):
            with pytest.raises(UnknownNameError) as caught:
                release(lake, dataflow.identity, name)
            assert caught.value.known == (first.id,)
        assert release(lake, dataflow.identity, first.id) == first

    def test_a_release_without_a_move_is_not_published(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        (lake.pointer(dataflow.identity) / "00000001.json").remove()
        with pytest.raises(UnknownNameError, match="known: none"):
            release(lake, dataflow.identity, first.id)
        assert releases(lake, dataflow.identity) == ()

    @on_both
    def test_a_document_with_an_unknown_field_is_refused(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        place = lake.releases(dataflow.identity) / f"{published().id}.json"
        plain = json.loads(lake.store.read(place.key))
        place.remove()
        lake.store.create(place.key, json.dumps({**plain, "colour": "red"}).encode())
        with pytest.raises(LakeError, match="colour"):
            current(lake, dataflow.identity)

    def test_a_table_that_the_release_does_not_have(
        self, published: Callable[..., Release]
    ) -> None:
        first = published()
        assert pin(first, "days") == Pin("dataflows/delays/v2/tables/days", 0, first.id)
        with pytest.raises(UnknownNameError, match="'days', 'carriers'"):
            pin(first, "report")

    def test_a_lake_may_move(
        self,
        published: Callable[..., Release],
        lake: Lake,
        dataflow: DataflowContract,
        tmp_path: Path,
    ) -> None:
        first = published()
        elsewhere = Lake(DiskStore(lake.store.local("").rename(tmp_path / "elsewhere")))
        assert current(elsewhere, dataflow.identity) == first
        assert carriers_of(elsewhere, first) == ["first"]


class TestRollback:
    @on_both
    def test_a_rollback_moves_the_pointer_and_nothing_else(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second = published("first"), published("second")
        assert rollback(lake, dataflow.identity, first.id, by="eve") == first
        assert current(lake, dataflow.identity) == first
        assert releases(lake, dataflow.identity) == ((second, False), (first, True))
        last = read_moves(lake.pointer(dataflow.identity))[-1]
        assert (last.previous, last.reason, last.by) == (second.id, "rollback", "eve")
        assert latest_version(lake.table(dataflow.identity, "days")) == 1

    def test_a_rollback_to_the_current_release_moves_nothing(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        assert rollback(lake, dataflow.identity, first.id, by="eve") == first
        assert len(read_moves(lake.pointer(dataflow.identity))) == 1

    def test_an_unknown_release_moves_nothing(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        with pytest.raises(UnknownNameError, match=first.id):
            rollback(lake, dataflow.identity, "nothing", by="eve")
        assert len(read_moves(lake.pointer(dataflow.identity))) == 1

    @on_both
    def test_publishing_goes_on_afterwards(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, _ = published("first"), published("second")
        rollback(lake, dataflow.identity, first.id, by="eve")
        third = published("third")
        assert current(lake, dataflow.identity) == third
        assert carriers_of(lake, third) == ["third"]
        assert carriers_of(lake, first) == ["first"]

    def test_a_repetition_does_not_undo_it(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, _ = published("first"), published("second")
        rollback(lake, dataflow.identity, first.id, by="eve")
        published("second")
        assert current(lake, dataflow.identity) == first
