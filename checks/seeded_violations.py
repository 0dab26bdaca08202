"""Violations of the border, planted one at a time, and the rules that must catch each."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("plantings.toml")


@dataclass(frozen=True, slots=True)
class Planting:
    """Describe one violation: lines added to files, texts put in others' place, and its catches.

    `stale` names a tree of which Python finds an installed copy first, as it was before.
    """

    name: str
    caught_by: tuple[str, ...]
    add: Mapping[str, str] = field(default_factory=dict)
    replace: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stale: str | None = None


def plantings() -> list[Planting]:
    """Return every planting of plantings.toml."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return [Planting(**each) for each in document["planting"]]


def table() -> str:
    """Return the plantings as Markdown: what is planted, and what catches it."""
    rows = [f"| {each.name} | {'; '.join(each.caught_by)} |\n" for each in plantings()]
    return "| planted | caught by |\n|---|---|\n" + "".join(rows).replace("__", r"\_\_")


if __name__ == "__main__":
    sys.stdout.write(table())
