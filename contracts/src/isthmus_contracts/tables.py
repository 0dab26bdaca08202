"""Tables: rows with declared columns, and what their values promise."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from isthmus_contracts._bounds import check_bounds
from isthmus_contracts._names import check_name, check_unique
from isthmus_contracts.errors import DeclarationError, UnknownNameError
from isthmus_contracts.partitions import Partitioning

ColumnType = Literal["string", "int64", "float64", "bool", "date", "timestamp"]
"""The type of a column's values. A timestamp is an instant in UTC, in microseconds."""

_TYPES = get_args(ColumnType)
_NUMERIC = ("int64", "float64")
_DATED = ("date", "timestamp")


@dataclass(frozen=True, slots=True)
class Column:
    """Declare one column; bounds are inclusive and in the column's unit.

    What breaks `minimum`, `maximum`, `choices` or `nullable` is refused. What is outside
    `warn_minimum` or `warn_maximum`, or has a share of nulls above `warn_nulls`, is published with
    a warning. With `inexact`, a float64 column takes the nearest float64 of a number that comes in
    an exact type, such as NUMERIC, and has too many digits; without it, such a number is refused.
    """

    name: str
    type: ColumnType
    description: str
    _: KW_ONLY
    unit: str | None = None
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    warn_minimum: float | None = None
    warn_maximum: float | None = None
    warn_nulls: float | None = None
    inexact: bool = False

    def __post_init__(self) -> None:
        check_name("column", self.name)
        if self.type not in _TYPES:
            raise DeclarationError(
                f"column {self.name!r} has type {self.type!r}; known: "
                + ", ".join(repr(known) for known in _TYPES)
            )
        typed = f"column {self.name!r} has type {self.type}"
        if any(bound is not None for bound in self._bounds) and self.type not in _NUMERIC:
            raise DeclarationError(f"{typed}, which has no bounds")
        check_bounds(f"column {self.name!r}", self.minimum, self.maximum)
        if self.choices and self.type != "string":
            raise DeclarationError(f"{typed}, which has no choices")
        if self.inexact and self.type != "float64":
            raise DeclarationError(f"{typed}, which is never inexact")
        check_unique(f"choice of column {self.name!r}", self.choices)
        self._check_warnings()

    @property
    def _bounds(self) -> tuple[float | None, ...]:
        return self.minimum, self.maximum, self.warn_minimum, self.warn_maximum

    def _check_warnings(self) -> None:
        what = f"column {self.name!r}"
        check_bounds(f"{what}, where it warns,", self.warn_minimum, self.warn_maximum)
        for name in ("minimum", "maximum"):
            bound, warning = getattr(self, name), getattr(self, f"warn_{name}")
            if None in (bound, warning):
                continue
            if warning <= bound if name == "minimum" else warning >= bound:
                raise DeclarationError(
                    f"{what} has warn_{name} {warning}, which never warns: {name} is {bound}"
                )
        if self.warn_nulls is None:
            return
        if not self.nullable:
            raise DeclarationError(f"{what} has warn_nulls {self.warn_nulls} but is not nullable")
        if not 0 <= self.warn_nulls < 1:
            raise DeclarationError(
                f"{what} has warn_nulls {self.warn_nulls}; allowed: a share from 0 to below 1"
            )

    @property
    def promise(self) -> str:
        """Say in words what each value promises, as in `not null, from 0 to 1`; may be empty."""
        words = [] if self.nullable else ["not null"]
        if self.minimum is not None:
            words.append(f"at least {self.minimum}")
        if self.maximum is not None:
            words.append(f"at most {self.maximum}")
        if self.choices:
            words.append("one of " + ", ".join(self.choices))
        if self.inexact:
            words.append("may be inexact")
        if self.warn_minimum is not None:
            words.append(f"warns below {self.warn_minimum}")
        if self.warn_maximum is not None:
            words.append(f"warns above {self.warn_maximum}")
        if self.warn_nulls is not None:
            words.append(f"warns above {self.warn_nulls:.0%} nulls")
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Table:
    """Declare a table: its columns in order, the columns that identify a row, its size.

    `max_row_change` is for what a dataflow publishes: the share by which the number of rows may
    differ from that of the current release, as in 0.5 for half as many rows to half as many again.

    A table with a `partitioning` is published by parts: a run for an interval replaces exactly the
    partitions in it, a run without one all there are. `min_rows` then holds for each partition of
    the run's interval, and without one for each that has rows. `max_row_change` likewise, and
    without an interval for the whole table.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    min_rows: int = 0
    max_row_change: float | None = None
    partitioning: Partitioning | None = None

    def __post_init__(self) -> None:
        check_name("table", self.name)
        if not self.columns:
            raise DeclarationError(f"table {self.name!r} has no columns")
        check_unique(f"column of table {self.name!r}", (column.name for column in self.columns))
        if self.min_rows < 0:
            raise DeclarationError(f"table {self.name!r} has min_rows {self.min_rows}")
        if self.max_row_change is not None and not 0 <= self.max_row_change < math.inf:
            raise DeclarationError(
                f"table {self.name!r} has max_row_change {self.max_row_change}; "
                "allowed: a share, 0 or more"
            )
        check_unique(f"key column of table {self.name!r}", self.key)
        for name in self.key:
            if self.column(name).nullable:
                raise DeclarationError(f"key column {name!r} of table {self.name!r} is nullable")
        if self.partitioning is not None:
            self._check_partitioning(self.partitioning.column)

    def _check_partitioning(self, column: str) -> None:
        self.check_dated(column)
        if self.key and column not in self.key:
            raise DeclarationError(
                f"table {self.name!r} is partitioned by {column!r}, which is not in its key, so a "
                "key could be in two partitions"
            )

    def check_dated(self, name: str) -> None:
        """Raise `DeclarationError` unless each row has a day in the column of that name."""
        column = self.column(name)
        if column.type not in _DATED or column.nullable:
            kind = f"nullable {column.type}" if column.nullable else column.type
            raise DeclarationError(
                f"column {name!r} of table {self.name!r} has type {kind}; a day "
                "comes from a date or timestamp that is not nullable"
            )

    def column(self, name: str) -> Column:
        """Return the column of that name, or raise `UnknownNameError`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(
            "column", name, (column.name for column in self.columns), of=f"table {self.name!r}"
        )
