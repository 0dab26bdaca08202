"""What differs between two revisions of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from isthmus_contracts.tables import Column, Table
from isthmus_contracts.tools.compatibility.differences import (
    Difference,
    Place,
    compare_descriptions,
    compare_optional,
    compare_orders,
)
from isthmus_contracts.tools.compatibility.ranges import compare_ranges


def compare_tables(old: Table, new: Table, at: Place) -> Iterator[Difference]:
    """Yield what differs; a column that was renamed is compared under its new name."""
    renamed = _renamed(old, new)
    former = {renamed.get(column.name, column.name): column for column in old.columns}
    present = {column.name: column for column in new.columns}
    for name, column in former.items():
        if name not in present:
            yield at.inside(name).differs("column-dropped", before=_shown(column))
    for name, column in present.items():
        if name not in former:
            yield at.inside(name).differs("column-added", after=_shown(column))
        else:
            yield from _compare_columns(former[name], column, at)
    yield from compare_orders(tuple(former), tuple(present), at)
    key = tuple(renamed.get(name, name) for name in old.key)
    yield from _compare_keys(key, new.key, at.inside("key"))
    if new.min_rows < old.min_rows:
        yield at.differs("min-rows-lowered", old.min_rows, new.min_rows)
    if new.min_rows > old.min_rows:
        yield at.differs("min-rows-raised", old.min_rows, new.min_rows)
    yield from _compare_row_changes(old.max_row_change, new.max_row_change, at)
    yield from compare_optional("partitioning", _parts(old, renamed), _parts(new, {}), at)
    yield from compare_descriptions(old.description, new.description, at)


def _compare_row_changes(old: float | None, new: float | None, at: Place) -> Iterator[Difference]:
    # Without a share, any change of the number of rows is allowed.
    before, after = (math.inf if bound is None else bound for bound in (old, new))
    if after > before:
        yield at.differs("max-row-change-raised", old, new)
    if after < before:
        yield at.differs("max-row-change-lowered", old, new)


def _compare_columns(old: Column, new: Column, table: Place) -> Iterator[Difference]:
    if old.name != new.name:
        yield table.inside(old.name).differs("column-renamed", old.name, new.name)
    at = table.inside(new.name)
    if old.nullable != new.nullable:
        rule = "column-made-nullable" if new.nullable else "column-made-not-null"
        yield at.differs(rule, _shown(old), _shown(new))
    if old.inexact != new.inexact:
        rule = "column-made-inexact" if new.inexact else "column-made-exact"
        yield at.differs(rule, _shown(old), _shown(new))
    if old.unit != new.unit:
        yield at.differs("column-unit-changed", old.unit, new.unit)
    if old.type != new.type:
        yield at.differs("column-retyped", old.type, new.type)
    else:  # values of another type have other ranges and choices anyway
        yield from compare_ranges(old, new, at, "column")
        yield from _compare_choices(old.choices, new.choices, at)
    if _warnings(old) != _warnings(new):
        yield at.differs("column-warnings-changed", _warnings(old) or None, _warnings(new) or None)
    yield from compare_descriptions(old.description, new.description, at)


def _compare_choices(old: tuple[str, ...], new: tuple[str, ...], at: Place) -> Iterator[Difference]:
    # Without choices, every text is one.
    before, after = old or "any text", new or "any text"
    if old and not (new and set(new) <= set(old)):
        yield at.differs("column-choices-added", before, after)
    if new and not (old and set(old) <= set(new)):
        yield at.differs("column-choices-removed", before, after)
    yield from compare_orders(old, new, at)


def _compare_keys(old: tuple[str, ...], new: tuple[str, ...], at: Place) -> Iterator[Difference]:
    if set(old) != set(new):
        yield at.differs("key-changed" if old else "key-added", old or None, new or None)
    else:
        yield from compare_orders(old, new, at)


def _parts(table: Table, renamed: Mapping[str, str]) -> str | None:
    by = table.partitioning
    return None if by is None else str(replace(by, column=renamed.get(by.column, by.column)))


def _renamed(old: Table, new: Table) -> Mapping[str, str]:
    """Return the new name of each column that seems to have got one.

    Such a column differs from one that is gone in nothing but its name; at the same position, its
    description may differ as well.
    """
    gone = [column for column in enumerate(old.columns) if column[1].name not in _names(new)]
    come = [column for column in enumerate(new.columns) if column[1].name not in _names(old)]
    pairs = [(before, after) for before in gone for after in come]
    renamed: dict[str, str] = {}
    for (i, before), (j, after) in sorted(pairs, key=lambda pair: pair[0][0] != pair[1][0]):
        description = before.description if i == j else after.description
        alike = replace(after, name=before.name, description=description) == before
        if alike and before.name not in renamed and after.name not in renamed.values():
            renamed[before.name] = after.name
    return renamed


def _warnings(column: Column) -> list[str]:
    shares = {
        "below": column.warn_minimum,
        "above": column.warn_maximum,
        "null share above": column.warn_nulls,
    }
    return [f"{word} {share:g}" for word, share in shares.items() if share is not None]


def _names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


def _shown(column: Column) -> str:
    words = (column.type, column.promise or "nullable")
    return ", ".join(words)
