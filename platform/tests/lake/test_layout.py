from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts import Identity
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import DiskStore

LAKE = Lake(DiskStore(Path("/lake")))
DELAYS = Identity("delays", 2)


def test_everything_of_a_dataflow_lies_below_its_identity() -> None:
    assert LAKE.table(DELAYS, "days").key == "dataflows/delays/v2/tables/days"
    assert LAKE.files(DELAYS, "report").key == "dataflows/delays/v2/files/report"
    assert LAKE.releases(DELAYS).key == "dataflows/delays/v2/releases"
    assert LAKE.pointer(DELAYS).key == "dataflows/delays/v2/pointers/main"
    assert LAKE.pointer(DELAYS, "branch").key == "dataflows/delays/v2/pointers/branch"
    manifests = LAKE.manifests(LAKE.table(DELAYS, "days").key)
    assert manifests.key == "dataflows/delays/v2/tables/days/_manifests"


def test_a_dataset_and_a_dataflow_never_share_a_place() -> None:
    assert LAKE.source("nyc", "flights").key == "sources/nyc/flights"
    assert not LAKE.releases(Identity("sources", 1)).key.startswith("sources/")


def test_a_key_comes_back() -> None:
    place = LAKE.table(DELAYS, "days") / "a.parquet"
    assert LAKE.path(place.key) == place
    assert place.local() == Path("/lake/dataflows/delays/v2/tables/days/a.parquet")


def test_the_address_is_that_of_the_store() -> None:
    assert LAKE.address == "file:///lake"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "."])
def test_a_path_that_leaves_the_lake_is_refused(path: str) -> None:
    with pytest.raises(LakeError, match="is not a path within the lake"):
        LAKE.path(path)


def test_what_lies_in_a_lake_is_found(tmp_path: Path) -> None:
    lake = Lake(DiskStore(tmp_path))
    assert (lake.dataflows(), lake.source_tables(), lake.outputs(DELAYS)) == ((), (), ())
    table, file = lake.table(DELAYS, "days"), lake.files(DELAYS, "report")
    source = lake.source("nyc", "flights")
    others = [tmp_path / "dataflows" / "delays" / name for name in ("v10", "vague", "10")]
    for directory in (table.local(), file.local(), source.local(), *others):
        directory.mkdir(parents=True)
    assert lake.dataflows() == (DELAYS, Identity("delays", 10))
    assert lake.source_tables() == (source,)
    assert lake.outputs(DELAYS) == (file, table)
