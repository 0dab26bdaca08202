"""Whether data keep the contract of their table, found out from the data themselves.

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

from isthmus_contracts import Partitioning, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.schemas import arrow_type, is_kept_as
from isthmus_platform.lake.validation.column_reader import ColumnReader
from isthmus_platform.lake.validation.column_stats import ColumnStats, counted, shown
from isthmus_platform.lake.validation.footers import ChunkCheck, contradictions, unchecked_claims
from isthmus_platform.lake.validation.keys import find_duplicates
from isthmus_platform.lake.validation.thrift import read_footer
from isthmus_platform.lake.validation.values import Values

_EXAMPLES = 3


class Checker:
    """Check the batches of one table, and say at the end all that is wrong with them."""

    def __init__(self, table: Table, partitions: Iterable[str] = ()) -> None:
        """Expect rows of these partitions at least, where there is a least number of rows."""
        self._table = table
        self._partitions = dict.fromkeys(partitions, 0)
        self._problems: dict[str, None] = {}
        self._tallies = {column.name: ColumnStats(column) for column in table.columns}
        self._schema: pa.Schema | None = None
        self._sound: tuple[str, ...] = ()
        self._keys: dict[str, list[pa.Array]] = {name: [] for name in table.key}
        self._rows = 0

    @property
    def broken(self) -> bool:
        """Say whether a problem is known already."""
        return bool(self._problems) or any(tally.broken for tally in self._tallies.values())

    def add_schema(self, schema: pa.Schema) -> None:
        """Check the schema of the batches that follow; needed only where none may follow."""
        self._schema = schema
        times = Counter(schema.names)
        for name in sorted(times.keys() - self._tallies.keys()):
            self._note(f"column {shown(name)} is not in the contract")
        self._sound = tuple(
            column.name
            for column in self._table.columns
            if self._is_sound(column.name, times[column.name], schema)
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
            columns.sort(key=lambda each: each.bytes, reverse=True)  # so that none is left alone
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

    def warnings(self) -> tuple[str, ...]:
        """Return what is unusual and no reason to refuse the data, once all have been added."""
        name = self._table.name
        return tuple(
            f"table {name!r}: {warning}"
            for stats in self._tallies.values()
            for warning in stats.warnings()
        )

    def finish(self) -> int:
        """Return the number of rows, or raise `TableContractError` with all that was found."""
        for stats in self._tallies.values():
            for problem in stats.problems():
                self._note(problem)
        self._check_keys()
        parts: Mapping[str, int] = self._partitions or {"": self._rows}
        for name, rows in parts.items():
            if rows < self._table.min_rows:
                where = f" in partition {name}" if name else ""
                found = f"there are only {counted(rows, 'row')}{where}"
                self._note(f"{found}; the contract says {self._table.min_rows}")
        if self._problems:
            raise TableContractError(self._table.name, self._problems)
        return self._rows

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
        self._tallies[name].add(values)
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

    def _is_sound(self, name: str, times: int, schema: pa.Schema) -> bool:
        declared = self._table.column(name).type
        if times != 1:
            trouble = f"occurs {times} times" if times else "is missing"
            self._note(f"column {name!r} {trouble}; the contract says {declared}, once")
            return False
        found = schema.field(name).type
        if not is_kept_as(found, declared):
            right = arrow_type(declared)
            self._note(f"column {name!r} has type {shown(found)}; the contract says {right}")
            return False
        return True

    def _check_keys(self) -> None:
        columns = list(self._keys.values())
        lengths = {sum(map(len, batches)) for batches in columns}
        if len(lengths) != 1 or lengths == {0}:
            return  # there is no key, or a column of it was refused
        found = find_duplicates(columns)
        if found is None:
            return
        examples = [
            "(" + ", ".join(shown(found[str(i)][row]) for i in range(len(columns))) + ")"
            for row in range(min(_EXAMPLES, len(found)))
        ]
        self._note(
            f"{counted(found.num_rows, 'key')} ({', '.join(self._table.key)}) in "
            f"{pc.sum(found['count_all']).as_py()} rows, such as {', '.join(examples)}; "
            "the contract says one row for each key"
        )

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
