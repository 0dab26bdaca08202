"""Whether data keep the contract of their table, found out from the data themselves.

Batches are checked one by one and forgotten, except for the columns of the key, which are held
until the end. Columns are matched by name; their order is free. NaN counts as null: a column that
is not nullable refuses it, a nullable one accepts it whatever its bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from isthmus_contracts import Partitioning, Table
from isthmus_platform.errors import TableContractError
from isthmus_platform.lake.footers import GroupCheck, unchecked_claims
from isthmus_platform.lake.schemas import arrow_type, is_kept_as
from isthmus_platform.lake.tallies import Tally, counted, shown

_BATCH_ROWS = 65_536
_EXAMPLES = 3


class Checker:
    """Check the batches of one table, and say at the end all that is wrong with them."""

    def __init__(self, table: Table, partitions: Iterable[str] = ()) -> None:
        """Expect rows of these partitions at least, where there is a least number of rows."""
        self._table = table
        self._partitions = dict.fromkeys(partitions, 0)
        self._problems: dict[str, None] = {}
        self._tallies = {column.name: Tally(column) for column in table.columns}
        self._schema: pa.Schema | None = None
        self._sound: tuple[str, ...] = ()
        self._keys: list[pa.RecordBatch] = []
        self._rows = 0

    @property
    def broken(self) -> bool:
        """Say whether a problem is known already."""
        return bool(self._problems) or any(each.broken for each in self._tallies.values())

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

    def add(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Check the next rows; return their columns that are what the contract says."""
        if self._schema is None or not batch.schema.equals(self._schema):
            self.add_schema(batch.schema)
        self._rows += batch.num_rows
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid as error:
            self._note(f"the data cannot be read: {shown(error)}")
            return {}
        columns = {name: self._plain(batch, name) for name in self._sound}
        for name, values in columns.items():
            self._tallies[name].add(values)
        key = self._table.key
        if key and columns.keys() >= set(key):
            numbered = {str(i): columns[name] for i, name in enumerate(key)}
            self._keys.append(pa.RecordBatch.from_pydict(numbered))
        return columns

    def add_file(self, path: Path, partition: str | None = None) -> int:
        """Check the rows and the footer of a Parquet file, and return how many rows it has.

        All of its rows must be of the `partition`, if there is one.
        """
        before = self._rows
        try:
            # Reading a row group at once is twice as fast as reading each column by itself.
            with parquet.ParquetFile(path, pre_buffer=True) as file:
                self.add_schema(file.schema_arrow)
                for problem in unchecked_claims(file.metadata):
                    self._note(problem)
                for number in range(file.num_row_groups):
                    self._add_group(file, number, partition)
        except (pa.ArrowException, OSError) as error:
            self._note(f"a file cannot be read as Parquet: {shown(error)}")
        rows = self._rows - before
        if partition is not None:
            self._partitions[partition] = self._partitions.get(partition, 0) + rows
        return rows

    def warnings(self) -> tuple[str, ...]:
        """Return what is unusual and no reason to refuse the data, once all have been added."""
        name = self._table.name
        return tuple(
            f"table {name!r}: {warning}"
            for tally in self._tallies.values()
            for warning in tally.warnings()
        )

    def finish(self) -> int:
        """Return the number of rows, or raise `TableContractError` with all that was found."""
        for tally in self._tallies.values():
            for problem in tally.problems():
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

    def _add_group(self, file: parquet.ParquetFile, number: int, partition: str | None) -> None:
        group = GroupCheck(file.metadata.row_group(number))
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[number]):
            columns = self.add(batch)
            group.add(columns, batch.num_rows)
            if partition is not None and self._table.partitioning is not None:
                self._check_partition(columns, self._table.partitioning, partition)
        for problem in group.problems():
            self._note(problem)

    def _check_partition(
        self, columns: Mapping[str, pa.Array], partitioning: Partitioning, partition: str
    ) -> None:
        if partitioning.column not in columns:
            return
        days = columns[partitioning.column].cast(pa.date32())
        for name in _extreme_days(days, partitioning):
            if name != partition:
                self._note(f"the file of partition {partition} has rows of {name}")

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

    def _plain(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        return batch.column(name).cast(arrow_type(self._table.column(name).type))

    def _check_keys(self) -> None:
        if not self._keys:
            return
        keys = pa.Table.from_batches(self._keys)
        if _ascend(keys):
            return  # as most are written, and many times faster than grouping
        # Threads would group apart what they get, and almost every row is a group of its own.
        counts = keys.group_by(keys.column_names, use_threads=False).aggregate([([], "count_all")])
        repeated = counts.filter(pc.greater(counts["count_all"], 1))
        if not repeated.num_rows:
            return
        examples = [
            "(" + ", ".join(shown(row[name]) for name in keys.column_names) + ")"
            for row in repeated.slice(0, _EXAMPLES).to_pylist()
        ]
        self._note(
            f"{counted(repeated.num_rows, 'key')} ({', '.join(self._table.key)}) in "
            f"{pc.sum(repeated['count_all']).as_py()} rows, such as {', '.join(examples)}; "
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


def _ascend(keys: pa.Table) -> bool:
    """Say whether each row is above the one before, by its first column that differs."""
    ascend: pa.Array = pa.scalar(False)  # equal rows do not
    for column in reversed(keys.columns):
        whole = column.combine_chunks()
        below, above = whole[:-1], whole[1:]
        ascend = pc.or_(pc.less(below, above), pc.and_(pc.equal(below, above), ascend))
    return bool(pc.all(ascend, skip_nulls=False).as_py())
