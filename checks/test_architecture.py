from __future__ import annotations

from pathlib import Path

import architecture
import pytest
from repository import PACKAGES, ROOT


def test_the_page_shows_the_enforced_layers() -> None:
    assert list(architecture.complaints(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [("ARCHITECTURE.md", "# Architecture\n"), (".importlinter", "[importlinter]\n")],
)
def test_layers_missing_from_either_are_reported(file: str, text: str, tmp_path: Path) -> None:
    for name in ("ARCHITECTURE.md", ".importlinter"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / file).write_text(text)
    complaints = "\n".join(architecture.complaints(tmp_path))
    for package in (*PACKAGES, *architecture.ROOMS):
        assert f"in {package}" in complaints
