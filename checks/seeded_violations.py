"""Violations of the border, seeded one at a time, and the rules that must catch each."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("seeded_violations.toml")


@dataclass(frozen=True, slots=True)
class Violation:
    """Describe one violation: lines added to files, texts put in others' place, and its catches.

    `stale` names a tree of which Python finds an installed copy first, as it was before.
    """

    name: str
    caught_by: tuple[str, ...]
    add: Mapping[str, str] = field(default_factory=dict)
    replace: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stale: str | None = None


def violations() -> list[Violation]:
    """Return every violation of seeded_violations.toml."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return [Violation(**entry) for entry in document["violation"]]


def table() -> str:
    """Return the violations as Markdown: what is seeded, and what catches it."""
    rows = [
        f"| {violation.name} | {'; '.join(violation.caught_by)} |\n" for violation in violations()
    ]
    return "| seeded | caught by |\n|---|---|\n" + "".join(rows).replace("__", r"\_\_")


if __name__ == "__main__":
    sys.stdout.write(table())
