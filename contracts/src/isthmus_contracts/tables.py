"""Tables: rows with declared columns, and what their values promise."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from isthmus_contracts._bounds import check_bounds
from isthmus_contracts._names import check_name, check_unique
from isthmus_contracts.errors import DeclarationError, UnknownNameError

ColumnType = Literal["string", "int64", "float64", "bool", "date", "timestamp"]
"""The type of a column's values. A timestamp is an instant in UTC, in microseconds."""

_NUMERIC = ("int64", "float64")


@dataclass(frozen=True, slots=True)
class Column:
    """Declare one column; `minimum` and `maximum` are inclusive and in the column's unit."""

    name: str
    type: ColumnType
    description: str
    _: KW_ONLY
    unit: str | None = None
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("column", self.name)
        known = get_args(ColumnType)
        if self.type not in known:
            raise DeclarationError(
                f"column {self.name!r} has type {self.type!r}; known: "
                + ", ".join(repr(each) for each in known)
            )
        if (self.minimum is not None or self.maximum is not None) and self.type not in _NUMERIC:
            raise DeclarationError(f"column {self.name!r} is a {self.type}, which has no bounds")
        check_bounds(f"column {self.name!r}", self.minimum, self.maximum)
        if self.choices and self.type != "string":
            raise DeclarationError(f"column {self.name!r} is a {self.type}, which has no choices")
        check_unique(f"choice of column {self.name!r}", self.choices)

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
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Table:
    """Declare a table: its columns in order, the columns that identify a row, its least size."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    min_rows: int = 0

    def __post_init__(self) -> None:
        check_name("table", self.name)
        if not self.columns:
            raise DeclarationError(f"table {self.name!r} has no columns")
        check_unique(f"column of table {self.name!r}", (each.name for each in self.columns))
        if self.min_rows < 0:
            raise DeclarationError(f"table {self.name!r} has min_rows {self.min_rows}")
        check_unique(f"key column of table {self.name!r}", self.key)
        for name in self.key:
            if self.column(name).nullable:
                raise DeclarationError(f"key column {name!r} of table {self.name!r} is nullable")

    def column(self, name: str) -> Column:
        """Return the column of that name, or raise `UnknownNameError`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(
            f"column of table {self.name!r} named", name, (each.name for each in self.columns)
        )
