"""What a Parquet file's footer claims of its data, held against the data.

Readers skip what the footer says they need not read, so a footer that lies hides rows from some of
them. Statistics are compared; what cannot be compared in one pass over the data is refused: page
indexes, Bloom filters, a declared order.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyarrow import parquet

from isthmus_platform.lake.tallies import counted, shown
from isthmus_platform.lake.values import Extreme, Values


class ChunkCheck:
    """Compare what the footer claims of one column in one row group with the values that follow."""

    def __init__(self, chunk: parquet.ColumnChunkMetaData, rows: int) -> None:
        self._name = chunk.path_in_schema
        self._claim = chunk.statistics if chunk.is_stats_set else None
        self._claimed_rows = rows
        self.rows = 0
        self._nulls = 0
        self._least: Extreme | None = None
        self._most: Extreme | None = None

    def add(self, values: Values) -> None:
        """Take the next values."""
        self.rows += len(values)
        self._nulls += values.array.null_count
        if self._claim is None or not self._claim.has_min_max:
            return
        least, most = values.extremes
        if least is not None:
            self._least = least if self._least is None else min(self._least, least)
            self._most = most if self._most is None else max(self._most, most)

    def problems(self) -> Iterator[str]:
        """Yield a clause for each claim that is not true."""
        if self.rows != self._claimed_rows:
            rows = counted(self._claimed_rows, "row")
            yield f"a file's footer says {rows} where there are {self.rows}"
        claim, head = self._claim, f"a file's statistics of column {shown(self._name)} say"
        if claim is None:
            return
        if claim.has_null_count and claim.null_count != self._nulls:
            nulls = f"{counted(claim.null_count, 'null')} where there are {self._nulls}"
            yield f"{head} {nulls}"
        if claim.has_min_max and not self._is_between(claim):
            says = f"{shown(claim.min)} to {shown(claim.max)}"
            yield f"{head} {says}; its values are {_text(self._least)} to {_text(self._most)}"

    def _is_between(self, claim: parquet.Statistics) -> bool:
        if self._least is None or self._most is None:
            return False
        if isinstance(self._least, bytes):  # a long text may be cut short, as a bound that holds
            return bool(claim.min_raw <= self._least and claim.max_raw >= self._most)
        return bool(claim.min_raw == self._least and claim.max_raw == self._most)


def unchecked_claims(footer: parquet.FileMetaData) -> Iterator[str]:
    """Yield a clause for each claim that is not compared with the data, and so refused."""
    for i in range(footer.num_row_groups):
        group = footer.row_group(i)
        if group.sorting_columns:
            yield "a file declares a sort order, which is not checked; write it without"
        for j in range(group.num_columns):
            chunk = group.column(j)
            name = shown(chunk.path_in_schema)
            if chunk.has_column_index or chunk.has_offset_index:
                yield f"a file has a page index of {name}, which is not checked; write it without"
            if chunk.bloom_filter_offset is not None:
                yield f"a file has a Bloom filter of {name}, which is not checked; write it without"


def _text(value: Extreme | None) -> str:
    return shown(value.decode() if isinstance(value, bytes) else value)
