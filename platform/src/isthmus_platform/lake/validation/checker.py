"""Checks whether data satisfy the contract of their table.

Batches are checked one by one and forgotten, except for the columns of the key, which are held
until the end. The columns of a file are checked beside each other, by as many processors as there
are. Columns are matched by name; their order is free. NaN counts as null: a column that is not
nullable refuses it, a nullable one accepts it whatever its bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from isthmus_contracts import Column, Partitioning, Table
from isthmus_contracts.formatting import shown
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
from isthmus_platform.lake.schemas import arrow_type, is_stored_as
from isthmus_platform.lake.validation.column_reader import ColumnReader
from isthmus_platform.lake.validation.column_stats import ColumnStats, shown_scalar
from isthmus_platform.lake.validation.footers import ChunkCheck, contradictions, unchecked_claims
from isthmus_platform.lake.validation.keys import find_duplicates
from isthmus_platform.lake.validation.thrift import read_footer
from isthmus_platform.lake.validation.values import Values


class Checker:
    """Check the batches of one table, and say at the end all that is wrong with them."""

    def __init__(self, table: Table, partitions: Iterable[str] = ()) -> None:
        """Expect rows of these partitions at least, where there is a least number of rows."""
        self._table = table
        self._partitions = dict.fromkeys(partitions, 0)
        self._problems: dict[str, None] = {}
        self._stats = {column.name: ColumnStats(column) for column in table.columns}
        self._schema: pa.Schema | None = None
        self._sound: tuple[str, ...] = ()
        self._keys: dict[str, list[pa.Array]] = {name: [] for name in table.key}
        self._rows = 0

    @property
    def broken(self) -> bool:
        """Say whether a problem is known already."""
        return bool(self._problems) or any(stats.broken for stats in self._stats.values())

    def add_schema(self, schema: pa.Schema) -> None:
        """Check the schema of the batches that follow; needed only where none may follow."""
        self._schema = schema
        for problem in schema_problems(self._table, schema.names):
            self._note(problem)
        times = Counter(schema.names)
        self._sound = tuple(
            column.name
            for column in self._table.columns
            if times[column.name] == 1 and self._has_type(column, schema)
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Check the next rows."""
        if self._schema is None or not batch.schema.equals(self._schema):
            self.add_schema(batch.schema)
        self._rows += batch.num_rows
        try:
            batch.validate(full=True)
            for name in self._sound:
                self._add_values(name, batch.column(name))
        except pa.ArrowInvalid as error:
            self._note(f"the data cannot be read: {shown(error)}")

    def add_file(self, path: Path, partition: str | None = None) -> int:
        """Check the rows and the footer of a Parquet file, and return how many rows it has.

        All of its rows must be of the `partition`, if there is one.
        """
        rows = 0
        try:
            footer = parquet.read_metadata(path)
            self.add_schema(footer.schema.to_arrow_schema())
            written = read_footer(path)
            refused = tuple(contradictions(footer, written))
            for problem in refused or unchecked_claims(written):
                self._note(problem)
            sound = () if refused else self._sound
            columns = [ColumnReader(path, footer, written, name) for name in sound]
            columns.sort(
                key=lambda column: column.bytes, reverse=True
            )  # so that none is left alone
            with ThreadPoolExecutor(pa.cpu_count()) as beside:
                check = partial(self._check_column, partition)
                for counted_rows, problems in beside.map(check, columns):
                    rows = max(rows, counted_rows)
                    for problem in problems:
                        self._note(problem)
        except (pa.ArrowException, OSError, ValueError) as error:  # such as a name that is no text
            self._note(f"a file cannot be read as Parquet: {shown(error)}")
        self._rows += rows
        if partition is not None:
            self._partitions[partition] = self._partitions.get(partition, 0) + rows
        return rows

    def warnings(self) -> tuple[CheckResult, ...]:
        """Return what is unusual and no reason to refuse the data, once all have been added."""
        return tuple(
            result
            for stats in self._stats.values()
            for result in stats.results()
            if result.level == "warning" and not result.passed
        )

    def finish(self) -> int:
        """Return the number of rows, or raise `TableContractError` with all that was found."""
        results = [result for stats in self._stats.values() for result in stats.results()]
        for rule in table_rules(self._table):
            if rule.kind == "key":
                results.extend(self._key_results(rule))
            elif rule.kind == "min_rows":
                results.append(check_result(rule, Count(0, sizes=self._sizes())))
        for result in results:
            if result.is_refusal:
                self._note(result.message)
        if self._problems:
            raise TableContractError(self._table.name, self._problems)
        return self._rows

    def _sizes(self) -> Mapping[str | None, int]:
        if self._partitions:
            return {name: rows for name, rows in self._partitions.items()}  # noqa: C416 - other type
        return {None: self._rows}

    def _check_column(self, partition: str | None, column: ColumnReader) -> tuple[int, list[str]]:
        """Return how many rows a column of a file has, and what is wrong beside its stats."""
        rows = 0
        problems: list[str] = []
        try:
            with column:
                for number, claim in enumerate(column.chunks):
                    chunk = ChunkCheck(self._table.column(column.name), claim)
                    for array in column.batches(number):
                        values = self._add_values(column.name, array)
                        chunk.add(values)
                        problems.extend(self._partition_problems(column.name, values, partition))
                    rows += chunk.rows
                    problems.extend(chunk.problems())
        except (pa.ArrowException, OSError) as error:
            problems.append(f"a file cannot be read as Parquet: {shown(error)}")
        return rows, problems

    def _add_values(self, name: str, array: pa.Array) -> Values:
        values = Values(array, self._table.column(name).type)
        self._stats[name].add(values)
        if name in self._keys:
            self._keys[name].append(values.array)
        return values

    def _partition_problems(
        self, name: str, values: Values, partition: str | None
    ) -> Iterator[str]:
        partitioning = self._table.partitioning
        if partition is None or partitioning is None or name != partitioning.column:
            return
        for found in _extreme_days(values.plain.cast(pa.date32()), partitioning):
            if found != partition:
                yield f"the file of partition {partition} has rows of {found}"

    def _has_type(self, column: Column, schema: pa.Schema) -> bool:
        found = schema.field(column.name).type
        if is_stored_as(found, column.type):
            return True
        expected = arrow_type(column.type)
        self._note(f"column {column.name!r} has type {shown(found)}; the contract says {expected}")
        return False

    def _key_results(self, rule: Rule) -> Iterator[CheckResult]:
        columns = list(self._keys.values())
        lengths = {sum(map(len, batches)) for batches in columns}
        if len(lengths) != 1 or lengths == {0}:
            return  # there are no rows, or a column of the key was refused
        found = find_duplicates(columns)
        if found is None:
            return
        examples = [
            "(" + ", ".join(shown_scalar(found[str(i)][row]) for i in range(len(columns))) + ")"
            for row in range(min(MOST_EXAMPLES_IN_A_SENTENCE, len(found)))
        ]
        rows = pc.sum(found["count_all"]).as_py()
        yield check_result(rule, Count(rows, keys=found.num_rows, values=examples))

    def _note(self, problem: str) -> None:
        self._problems[f"table {self._table.name!r}: {problem}"] = None


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
