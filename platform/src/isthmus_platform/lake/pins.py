"""Pins: one version of one table, for a whole run and for ever after."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """Name a version of a table.

    `table` is its directory relative to the lake's root; `release` the release that it was taken
    from, if another dataflow publishes it.
    """

    table: str
    version: int
    release: str | None = None
