"""Pins: one version of one table, which a whole run reads and its release names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """Name a version of a table.

    `table` is its directory relative to the lake's root; `release` is the release that names this
    version, if another dataflow publishes the table.
    """

    table: str
    version: int
    release: str | None = None
