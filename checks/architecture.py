"""ARCHITECTURE.md shows the layers that `.importlinter` enforces."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from repository import PACKAGES

ROOMS = ("isthmus_platform.lake", "isthmus_transforms.runtime")
"""Packages within the trees whose modules have an enforced order, too."""


def complaints(root: Path) -> Iterator[str]:
    """Yield a sentence for each package whose layers are shown otherwise than enforced."""
    page = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rules = configparser.ConfigParser()
    rules.read(root / ".importlinter")
    for package in (*PACKAGES, *ROOMS):
        enforced, shown = _enforced(rules, package), _shown(page, package)
        if not enforced:
            yield f".importlinter has no exhaustive layers in {package}"
        if enforced != shown:
            yield f"ARCHITECTURE.md shows the layers {shown} in {package}; enforced: {enforced}"


def _enforced(rules: configparser.ConfigParser, package: str) -> list[str]:
    for name in rules.sections():
        section = rules[name]
        if section.get("containers", "").split() == [package] and "exhaustive" in section:
            return [line.strip(" ()") for line in section["layers"].strip().splitlines()]
    return []


def _shown(page: str, package: str) -> list[str]:
    found = re.search(rf"In `{package}`:\n\n```\n(.*?)\n```", page, re.DOTALL)
    return found[1].splitlines() if found else []
