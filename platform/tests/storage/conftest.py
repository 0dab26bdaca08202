from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus_platform.storage import DiskStore, Store


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind."""
    if request.param == "disk":
        return DiskStore(tmp_path / "store")
    return request.getfixturevalue("bucket").open()


@pytest.fixture
def put() -> Callable[..., None]:
    """Write files, each with its key as its content."""

    def write(store: Store, *keys: str) -> None:
        for key in keys:
            with store.writing(key) as path:
                path.write_text(key, encoding="utf-8")

    return write
