from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases.models import Release, ReleasedFile, ReleasedTable
from isthmus_platform.storage import DiskStore, Store
from isthmus_platform.terminal.outputs import describe_outputs, display_location, display_path


class Bucket(Protocol):
    """A bucket, as the fixture gives it."""

    name: str
    open: Callable[[], Store]


def test_each_output_has_one_aligned_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    release = Release(
        *("id", "parcel_delays.v1", "1.0.0", "code", "run", "digest", "2013-01-01T00:00:00"),
        params={},
        inputs={},
        tables={"days": ReleasedTable("tables/days", 3, 1095, {})},
        files={"card": ReleasedFile("files/card.html", 12345, "0" * 64)},
        metrics={"quality": {"auc": 0.75, "r": None}},
    )
    assert describe_outputs(release, Lake(DiskStore(tmp_path / "lake"))) == [
        "days     1,095 rows    lake/tables/days (version 3)",
        "card     12,345 bytes  lake/files/card.html",
        "quality  auc 0.75",
        "quality  r null",
    ]


def test_a_path_is_relative_where_that_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert display_path(tmp_path / "here" / "a" / "b") == "a/b"
    assert display_path(tmp_path / "there") == f"{tmp_path}/there"


def test_an_object_is_shown_by_its_address(bucket: Bucket) -> None:
    location = Lake(bucket.open()).path("files/card.html")
    assert display_location(location) == f"s3://{bucket.name}/a/prefix/files/card.html"
