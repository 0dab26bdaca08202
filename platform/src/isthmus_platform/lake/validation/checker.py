"""Checks whether data satisfy the contract of their table.

Batches are checked one by one and forgotten. Columns are matched by name; their order is free. NaN
counts as null: a column that is not nullable refuses it, a nullable one accepts it whatever its
bounds.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc

from isthmus_contracts import Column, ColumnType, Partitioning, Table
from isthmus_contracts.formatting import shortened, shown
from isthmus_contracts.rules import (
    MOST_EXAMPLES_IN_A_SENTENCE,
    CheckResult,
    Count,
    Rule,
    check_result,
    schema_problems,
    table_rules,
)
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.schemas import is_stored_as, type_name
from isthmus_platform.lake.validation.column_stats import ColumnStats, shown_scalar
from isthmus_platform.lake.validation.keys import KeyCheck
from isthmus_platform.lake.validation.values import Values

_LONGEST_TYPE = 60


class Checker:
    """Check the batches of one table, and say at the end all that is wrong with them."""

    def __init__(
        self,
        table: Table,
        partitions: Iterable[str] = (),
        *,
        is_allowed: Callable[[pa.DataType, ColumnType], bool] = is_stored_as,
        open_file: Callable[[], BinaryIO] = tempfile.TemporaryFile,
    ) -> None:
        """Expect rows of these partitions at least, where there is a least number of rows.

        `is_allowed` says as which Arrow types columns may come; keys wait in a file that
        `open_file` returns.
        """
        self._table = table
        self._partitions = dict.fromkeys(partitions, 0)
        self._partition: str | None = None
        self._problems: dict[str, None] = {}
        self._stats = {column.name: ColumnStats(column) for column in table.columns}
        self._schema: pa.Schema | None = None
        self._sound: tuple[str, ...] = ()
        self._is_allowed = is_allowed
        self._keys = KeyCheck(open_file)
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the keys, if the check has not ended."""
        self._keys.close()

    @property
    def broken(self) -> bool:
        """Say whether a problem is known already."""
        return bool(self._problems) or any(stats.broken for stats in self._stats.values())

    def add_schema(self, schema: pa.Schema) -> bool:
        """Check the schema of the batches that follow; needed only where none may follow.

        Return whether the columns are those of the contract, in any order.
        """
        self._schema = schema
        problems = list(schema_problems(self._table, schema.names))
        for problem in problems:
            self.add_problem(problem)
        times = Counter(schema.names)
        self._sound = tuple(
            column.name
            for column in self._table.columns
            if times[column.name] == 1 and self._has_type(column, schema)
        )
        return not problems and len(self._sound) == len(self._table.columns)

    def begin_partition(self, name: str) -> None:
        """Expect only rows of this partition from now on."""
        self._partition = name
        self._partitions.setdefault(name, 0)

    def add(self, batch: pa.RecordBatch) -> None:
        """Check the next rows."""
        if self._schema is None or not batch.schema.equals(self._schema):
            self.add_schema(batch.schema)
        self._rows += batch.num_rows
        if self._partition is not None:
            self._partitions[self._partition] += batch.num_rows
        try:
            batch.validate(full=True)
            found = {name: self._add_values(name, batch.column(name)) for name in self._sound}
        except pa.ArrowInvalid as error:
            self.add_problem(f"the data cannot be read: {shown(error)}")
        else:
            if self._table.key and found.keys() >= set(self._table.key):
                self._keys.add([found[name].array for name in self._table.key])

    def add_problem(self, problem: str) -> None:
        """Note something else that is wrong with the table."""
        self._problems[f"table {self._table.name!r}: {problem}"] = None

    def warnings(self) -> tuple[CheckResult, ...]:
        """Return what is unusual and no reason to refuse the data, once all have been added."""
        return tuple(
            result
            for stats in self._stats.values()
            for result in stats.results()
            if result.level == "warning" and not result.passed
        )

    def problems(self) -> tuple[str, ...]:
        """Return all that is wrong, once all rows have been added; the check ends."""
        results = [result for stats in self._stats.values() for result in stats.results()]
        for rule in table_rules(self._table):
            if rule.kind == "key":
                results.extend(self._key_results(rule))
            elif rule.kind == "min_rows":
                results.append(check_result(rule, Count(0, sizes=self._sizes())))
        for result in results:
            if result.is_refusal:
                self.add_problem(result.message)
        return tuple(self._problems)

    def finish(self) -> int:
        """Return the number of rows, or raise `TableContractError` with all that was found."""
        if problems := self.problems():
            raise TableContractError(self._table.name, problems)
        return self._rows

    def _sizes(self) -> Mapping[str | None, int]:
        if self._partitions:
            return {name: rows for name, rows in self._partitions.items()}  # noqa: C416 - other type
        return {None: self._rows}

    def _add_values(self, name: str, array: pa.Array) -> Values:
        values = Values(array, self._table.column(name).type)
        self._stats[name].add(values)
        partitioning = self._table.partitioning
        if self._partition is not None and partitioning and name == partitioning.column:
            for found in _extreme_days(values.array.cast(pa.date32()), partitioning):
                if found != self._partition:
                    self.add_problem(f"the file of partition {self._partition} has rows of {found}")
        return values

    def _has_type(self, column: Column, schema: pa.Schema) -> bool:
        found = schema.field(column.name).type
        if self._is_allowed(found, column.type):
            return True
        self.add_problem(
            f"column {column.name!r} has type {shortened(type_name(found), _LONGEST_TYPE)}; "
            f"the contract says {column.type}"
        )
        return False

    def _key_results(self, rule: Rule) -> Iterator[CheckResult]:
        found = self._keys.duplicates()
        if found is not None:
            examples = [
                f"({', '.join(map(shown_scalar, key))})"
                for key in found.examples[:MOST_EXAMPLES_IN_A_SENTENCE]
            ]
            yield check_result(rule, Count(found.rows, keys=found.keys, values=examples))


def _extreme_days(days: pa.Array, partitioning: Partitioning) -> Iterator[str]:
    """Yield the partitions of the first and the last day; all others are between."""
    extremes = pc.min_max(days)
    for which in ("min", "max"):
        try:
            day = extremes[which].as_py()
        except (OverflowError, ValueError):  # no calendar goes as far
            yield "a day beyond every partition"
        else:
            if day is not None:
                yield partitioning.name(day)
