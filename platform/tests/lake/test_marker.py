"""A lake has a marker, by which it is told from a place where none was made."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from isthmus_platform.errors import LakeError, LakeUnavailableError, NoLakeError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import check_lake, make_lake
from isthmus_platform.storage import DiskStore, Store


@pytest.fixture(params=["disk", "bucket"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """Return a place where no lake was made."""
    if request.param == "disk":
        return Lake(DiskStore(tmp_path / "lake"))
    store: Store = request.getfixturevalue("bucket").open()
    return Lake(store)


def test_a_place_is_a_lake_only_once_one_was_made_there(empty: Lake) -> None:
    with pytest.raises(NoLakeError) as refused:
        check_lake(empty)
    assert str(refused.value) == (
        f"the lake at {empty.address} cannot be used now: it has no isthmus-lake.json, so no lake "
        "was made there, or it is not mounted. Mount it, name another place in [lake] or with "
        "--state, or make a new, empty lake there with `isthmus-platform init-lake`"
    )
    assert list(empty.store.walk("")) == []
    make_lake(empty)
    check_lake(empty)
    assert [file.key for file in empty.store.walk("")] == ["isthmus-lake.json"]


def test_a_lake_is_made_once(empty: Lake) -> None:
    make_lake(Lake(empty.store, lambda: datetime(2013, 1, 1, tzinfo=UTC)))
    before = empty.store.read("isthmus-lake.json")
    make_lake(empty)
    assert empty.store.read("isthmus-lake.json") == before
    assert json.loads(before) == {"format": 1, "created_at": "2013-01-01T00:00:00+00:00"}


@pytest.mark.parametrize("folder", ["sources", "dataflows", "tombstones"])
def test_a_place_with_data_and_no_marker_is_not_made_a_new_lake(empty: Lake, folder: str) -> None:
    empty.store.create(f"{folder}/x", b"data")
    with pytest.raises(LakeError, match=f"has {folder}, but no isthmus-lake.json: "):
        make_lake(empty)
    with pytest.raises(NoLakeError):
        check_lake(empty)


def test_other_files_are_no_reason_against_a_lake(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    make_lake(Lake(DiskStore(tmp_path)))


def test_a_lake_of_another_format_is_refused(empty: Lake) -> None:
    content = json.dumps({"format": 2, "created_at": "2030-01-01T00:00:00+00:00"})
    empty.store.create("isthmus-lake.json", content.encode())
    with pytest.raises(LakeError, match="is a lake of format 2; this version reads format 1"):
        check_lake(empty)
    with pytest.raises(LakeError, match="is a lake of format 2"):
        make_lake(empty)


def test_a_marker_that_is_damaged_is_refused(empty: Lake) -> None:
    empty.store.create("isthmus-lake.json", b"{")
    with pytest.raises(LakeError, match=r"isthmus-lake\.json: is not valid JSON"):
        check_lake(empty)


def test_what_cannot_be_read_is_not_said_to_be_absent(tmp_path: Path) -> None:
    (tmp_path / "isthmus-lake.json").mkdir()
    with pytest.raises(LakeUnavailableError, match="Is a directory") as refused:
        check_lake(Lake(DiskStore(tmp_path)))
    assert not isinstance(refused.value, NoLakeError)
