from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import parquet

from isthmus_contracts import DataflowContract, UnknownNameError
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.models import Release, document_of
from isthmus_platform.lake.releases.queries import current, pin, release, releases, withdrawal_of
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.storage import DiskStore

Accept = Callable[..., Accepted]
on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def carriers_of(lake: Lake, of: Release) -> list[str]:
    table = pin(of, "carriers")
    (file,) = files_of(lake.path(table.table), table.version)
    return parquet.ParquetFile(file.local()).read()["carrier"].to_pylist()


class TestWithdrawal:
    @on_both
    def test_a_rollback_withdraws_what_is_newer_than_its_release(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        one, two, three = (published(f"run-{number}") for number in (1, 2, 3))
        assert withdrawal_of(lake, dataflow.identity, three.id) is None
        roll_back(lake, dataflow.identity, one.id, by="ada")
        published("run-4")
        for withdrawn in (two, three):
            rollback = withdrawal_of(lake, dataflow.identity, withdrawn.id)
            assert rollback is not None
            assert (rollback.by, rollback.release) == ("ada", one.id)
        assert withdrawal_of(lake, dataflow.identity, one.id) is None

    def test_a_release_that_is_current_again_is_withdrawn_no_more(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        one, two, three = (published(f"run-{number}") for number in (1, 2, 3))
        roll_back(lake, dataflow.identity, one.id, by="ada")
        roll_back(lake, dataflow.identity, two.id, by="eve")
        assert withdrawal_of(lake, dataflow.identity, two.id) is None
        rollback = withdrawal_of(lake, dataflow.identity, three.id)
        assert rollback is not None
        assert rollback.by == "eve"
        published("run-5")
        assert withdrawal_of(lake, dataflow.identity, two.id) is None

    def test_what_was_never_published_was_not_withdrawn(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        assert withdrawal_of(lake, dataflow.identity, "x-1") is None
        one = published("run-1")
        published("run-2")
        roll_back(lake, dataflow.identity, one.id, by="ada")
        assert withdrawal_of(lake, dataflow.identity, "x-2") is None
        assert withdrawal_of(lake, dataflow.identity, "no release") is None


class TestRead:
    def test_an_unknown_release_lists_the_known_ones(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        for name in ("nothing", "../pointers/main/99999999", "", f"{first.id}0", "x-1"):
            with pytest.raises(UnknownNameError) as caught:
                release(lake, dataflow.identity, name)
            assert caught.value.known == (first.id,)
        assert release(lake, dataflow.identity, first.id) == first

    def test_a_message_about_an_unknown_release_reads_the_newest_moves_only(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        made = [published(f"run-{number}").id for number in range(22)]
        (lake.pointer(dataflow.identity) / "99999999.json").remove()
        with pytest.raises(UnknownNameError, match="unknown release 'x-7' of") as caught:
            release(lake, dataflow.identity, "x-7")
        assert caught.value.known == tuple(reversed(made[1:]))

    def test_a_release_without_a_move_is_not_published(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published()
        (lake.pointer(dataflow.identity) / "99999999.json").remove()
        with pytest.raises(UnknownNameError, match="known: none"):
            release(lake, dataflow.identity, first.id)
        assert releases(lake, dataflow.identity) == ()

    @on_both
    def test_a_document_with_an_unknown_field_is_refused(
        self, published: Callable[..., Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        place = document_of(lake, dataflow.identity, published().id)
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
