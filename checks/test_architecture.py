"""ARCHITECTURE.md shows the layers that `.importlinter` enforces."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _enforced(package: str) -> list[str]:
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    for section in rules.sections():
        if rules[section].get("containers", "").split() == [package]:
            return [line.strip(" ()") for line in rules[section]["layers"].strip().splitlines()]
    pytest.fail(f".importlinter has no layers in {package}")


def _shown(package: str) -> list[str]:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    found = re.search(rf"In `{package}`:\n\n```\n(.*?)\n```", page, re.DOTALL)
    assert found, f"ARCHITECTURE.md shows no layers of {package}"
    return found[1].splitlines()


@pytest.mark.parametrize("package", ["isthmus_platform", "isthmus_transforms"])
def test_the_page_shows_the_enforced_layers(package: str) -> None:
    assert _shown(package) == _enforced(package)


def test_every_file_on_disk_is_in_a_package() -> None:
    for tree in ("contracts", "platform", "transforms"):
        for path in (ROOT / tree / "src").rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path} is in no package"


def test_nothing_shadows_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
