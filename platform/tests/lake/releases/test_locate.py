from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from deltalake import DeltaTable

from isthmus_contracts import DataflowContract, UnknownNameError
from isthmus_platform.errors import UserError
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.locate import find_release, locate
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.storage import DiskStore

Accept = Callable[..., Accepted]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(DiskStore(tmp_path / "a lake, ü"))


@pytest.fixture
def published(accepted: Accept, lake: Lake, dataflow: DataflowContract) -> Callable[[str], Release]:
    return lambda run: publish(lake, dataflow, accepted(run), params={}, inputs={})


def carriers_at(uri: str, version: int) -> list[str]:
    return DeltaTable(uri, version=version).to_pyarrow_table()["carrier"].to_pylist()


def path_of(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))


def text_at(uri: str) -> str:
    return path_of(uri).read_text(encoding="utf-8")


def test_address_and_version_read_the_rows_that_the_release_pins(
    published: Callable[[str], Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first, second = published("first"), published("second")
    for made in (first, second):
        places = locate(lake, dataflow.identity, made.id)
        assert (places.dataflow, places.release) == ("delays.v2", made.id)
        carriers = places.tables["carriers"]
        assert carriers_at(carriers.uri, carriers.version) == [made.run]
        assert path_of(carriers.uri).is_dir()
        assert {name: table.rows for name, table in places.tables.items()} == {
            "days": 2,
            "carriers": 1,
        }
        assert text_at(places.files["report"]) == f"<p>{made.run}"


def test_all_of_it_is_of_the_current_release_and_not_of_the_newest_version(
    published: Callable[[str], Release], lake: Lake, dataflow: DataflowContract
) -> None:
    first = published("first")
    published("second")
    roll_back(lake, dataflow.identity, first.id, by="eve")
    places = locate(lake, dataflow.identity)
    assert places.release == first.id
    carriers = places.tables["carriers"]
    assert carriers_at(carriers.uri, carriers.version) == ["first"]
    assert DeltaTable(carriers.uri).version() == 1
    assert text_at(places.files["report"]) == "<p>first"


def test_a_lake_may_be_named_from_where_one_is(
    published: Callable[[str], Release],
    lake: Lake,
    dataflow: DataflowContract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published("first")
    root = lake.store.local("")
    monkeypatch.chdir(root.parent)
    places = locate(Lake(DiskStore(Path(root.name))), dataflow.identity)
    assert places == locate(lake, dataflow.identity)


def test_what_is_missing_is_reported(
    published: Callable[[str], Release], lake: Lake, dataflow: DataflowContract
) -> None:
    with pytest.raises(UserError, match=r"delays\.v2 has published no release yet; run it first"):
        locate(lake, dataflow.identity)
    made = published("first")
    assert find_release(lake, dataflow.identity) == made
    message = rf"unknown release 'x' of dataflow 'delays\.v2'; known: '{made.id}'"
    with pytest.raises(UnknownNameError, match=message):
        find_release(lake, dataflow.identity, "x")
