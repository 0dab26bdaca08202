"""Pins: one version of one table, which a whole run reads and its release names; and its files.

What reads releases imports this and no library of tables, so that the DAG file can read them.
"""

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


@dataclass(frozen=True, slots=True)
class TableFile:
    """Name a Parquet file in its table's directory."""

    name: str
    bytes: int
    rows: int
