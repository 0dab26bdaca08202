"""What a Parquet file's footer claims of its data, held against the data.

Readers skip what the footer says they need not read, so a footer that lies hides rows from some of
them. Statistics are compared; what cannot be compared in one pass over the data is refused: page
indexes, Bloom filters, a declared order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from isthmus_platform.lake.tallies import counted, shown

Extreme: TypeAlias = Any  # an int, a float or bytes: one of them for all values of a column

_AS_WRITTEN = {pa.date32(): pa.int32(), pa.timestamp("us", "UTC"): pa.int64()}


class Extremes:
    """Find the nulls and the extremes of one column in one row group."""

    def __init__(self) -> None:
        self.nulls = 0
        self.least: Extreme | None = None
        self.most: Extreme | None = None

    def add(self, values: pa.Array) -> None:
        """Take the next values, which are of the type in which the lake keeps them."""
        self.nulls += values.null_count
        if values.type in _AS_WRITTEN:
            values = values.cast(_AS_WRITTEN[values.type])
        found = pc.min_max(values).as_py()
        least, most = _raw(found["min"]), _raw(found["max"])
        if least is None or most is None:
            return
        self.least = least if self.least is None or least < self.least else self.least
        self.most = most if self.most is None or most > self.most else self.most


class GroupCheck:
    """Compare what the footer claims of one row group with the values that follow."""

    def __init__(self, group: parquet.RowGroupMetaData) -> None:
        chunks = [group.column(i) for i in range(group.num_columns)]
        self._rows = group.num_rows
        self._counted = 0
        self._claims: Mapping[str, parquet.Statistics] = {
            each.path_in_schema: each.statistics for each in chunks if each.is_stats_set
        }
        self._found = {name: Extremes() for name in self._claims}

    def add(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        """Take the next rows of the group; columns that are left out are not compared."""
        self._counted += rows
        for name in list(self._found):
            if name in columns:
                self._found[name].add(columns[name])
            else:
                del self._found[name]

    def problems(self) -> Iterator[str]:
        """Yield a clause for each claim that is not true."""
        if self._counted != self._rows:
            yield (
                f"a file's footer says {counted(self._rows, 'row')} where there are {self._counted}"
            )
        for name, found in self._found.items():
            claim = self._claims[name]
            if claim.has_null_count and claim.null_count != found.nulls:
                nulls = f"{counted(claim.null_count, 'null')} where there are {found.nulls}"
                yield f"a file's statistics of column {name!r} say {nulls}"
            if claim.has_min_max and not _holds(claim, found):
                says = f"{shown(claim.min)} to {shown(claim.max)}"
                finds = f"{_text(found.least)} to {_text(found.most)}"
                yield f"a file's statistics of column {name!r} say {says}; its values are {finds}"


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


def _raw(value: object) -> Extreme | None:
    """Return an extreme as footers hold it; there is none among nulls and NaNs."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int | float) and not math.isnan(value):
        return value
    return None


def _holds(claim: parquet.Statistics, found: Extremes) -> bool:
    if found.least is None or found.most is None:
        return False
    if isinstance(found.least, bytes):  # a long text may be cut short, as a bound that still holds
        return bool(claim.min_raw <= found.least and claim.max_raw >= found.most)
    return bool(claim.min_raw == found.least and claim.max_raw == found.most)


def _text(value: Extreme | None) -> str:
    return shown(value.decode() if isinstance(value, bytes) else value)
