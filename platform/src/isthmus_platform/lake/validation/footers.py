"""What a Parquet file's footer claims of its data, held against the data.

Readers skip what the footer says they need not read, so a footer that lies hides rows from some of
them. Statistics are compared; what cannot be compared in one pass over the data is refused: page
indexes, Bloom filters, a declared order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from isthmus_contracts import Column
from isthmus_contracts.formatting import counted, shown
from isthmus_platform.lake.schemas import arrow_type
from isthmus_platform.lake.validation.column_stats import shown_scalar
from isthmus_platform.lake.validation.thrift import Struct
from isthmus_platform.lake.validation.values import AS_WRITTEN, Extreme, Values

# The numbers that the Parquet format gives to fields and types.
_ROWS, _GROUPS = 3, 4  # of a file; a group has its rows under the same number
_CHUNKS, _SORTING = 1, 4
_FILE_PATH, _METADATA, _INDEXES = 1, 3, (4, 6)
_TYPE, _PATH, _SIZE, _STATISTICS, _PAGES, _BLOOM_FILTER = 1, 3, 6, 12, 13, 14
_NULLS, _LEAST, _MOST = 3, (2, 6), (1, 5)  # as old writers give bounds, and as new ones do
_PAGE_TYPE, _DICTIONARY_PAGE = 1, 2
_ENCODING, _NUMBERED = 2, (2, 8)  # as old writers name a dictionary's numbers, and as new ones do
_TYPES = {0: "BOOLEAN", 1: "INT32", 2: "INT64", 5: "DOUBLE", 6: "BYTE_ARRAY"}
_FORMATS = {"bool": "?", "date": "<i", "int64": "<q", "timestamp": "<q", "float64": "<d"}


class Chunk:
    """Hold what the footer claims of one column in one row group."""

    def __init__(self, group: Struct, place: int) -> None:
        self.rows = group.get(_ROWS, int) or 0
        metadata = group.all(_CHUNKS, Struct)[place].get(_METADATA, Struct) or Struct({})
        statistics = metadata.get(_STATISTICS, Struct) or Struct({})
        self.bytes = metadata.get(_SIZE, int) or 0
        pages = metadata.all(_PAGES, Struct)
        self.is_numbered = bool(pages) and all(
            page.get(_ENCODING, int) in _NUMBERED
            for page in pages
            if page.get(_PAGE_TYPE, int) != _DICTIONARY_PAGE
        )
        self.nulls = statistics.get(_NULLS, int)
        self.least = _bounds(statistics, _LEAST)
        self.most = _bounds(statistics, _MOST)


class ChunkCheck:
    """Compare what the footer claims of one column in one row group with the values that follow."""

    def __init__(self, column: Column, claim: Chunk) -> None:
        self._column = column
        self._claim = claim
        self._is_text = column.type == "string"
        self.rows = 0
        self._nulls = 0
        self._least: Extreme | None = None
        self._most: Extreme | None = None

    def add(self, values: Values) -> None:
        """Take the next values."""
        self.rows += len(values)
        self._nulls += values.array.null_count
        claim = self._claim
        if not claim.least and not claim.most:
            return
        # A text's bounds need only hold; that they do is quicker to see than what they are.
        holds = self._is_text and _lie_within(values, claim.least, claim.most)
        least, most = (max(claim.least), min(claim.most)) if holds else values.extremes
        if least is not None:
            self._least = least if self._least is None else min(self._least, least)
            self._most = most if self._most is None else max(self._most, most)

    def problems(self) -> Iterator[str]:
        """Yield a clause for each claim that is not true."""
        claim = self._claim
        if self.rows != claim.rows:
            yield f"a file's footer says {counted(claim.rows, 'row')} where there are {self.rows:,}"
        head = f"a file's statistics of column {shown(self._column.name)}"
        if claim.nulls not in (None, self._nulls):
            yield f"{head} say {counted(claim.nulls or 0, 'null')} where there are {self._nulls:,}"
        try:
            least, most = map(self._decoded, (claim.least, claim.most))
        except struct.error:
            yield f"{head} are of another type"
            return
        for what, claimed, found in (("least", least, self._least), ("most", most, self._most)):
            for bound in claimed:
                holds = found is not None and (
                    bound <= found if what == "least" else bound >= found
                )
                if not holds or (bound != found and not self._is_text):  # a text may be cut short
                    yield f"{head} say the {what} is {self._text(bound)}; it is {self._text(found)}"

    def _decoded(self, bounds: Sequence[bytes]) -> list[Extreme]:
        form = _FORMATS.get(self._column.type)
        return [struct.unpack(form, bound)[0] if form else bound for bound in bounds]

    def _text(self, value: Extreme | None) -> str:
        if isinstance(value, bytes):
            return shown(value.decode(errors="replace"))
        kind = arrow_type(self._column.type)
        return shown_scalar(pa.scalar(value, AS_WRITTEN.get(kind, kind)).cast(kind))


def chunks_of(name: str, footer: parquet.FileMetaData, written: Struct) -> list[Chunk]:
    """Return the chunks of a column, one for each row group."""
    paths = [footer.schema.column(i).path for i in range(footer.num_columns)]
    return [Chunk(group, paths.index(name)) for group in written.all(_GROUPS, Struct)]


def contradictions(footer: parquet.FileMetaData, written: Struct) -> Iterator[str]:
    """Yield a clause for each way in which the footer contradicts itself."""
    groups = written.all(_GROUPS, Struct)
    rows = sum(group.get(_ROWS, int) or 0 for group in groups)
    if rows != footer.num_rows:
        claimed = counted(footer.num_rows, "row")
        yield f"a file's footer says {claimed} where its row groups have {rows:,}"
    columns = [footer.schema.column(i) for i in range(footer.num_columns)]
    for group in groups:
        chunks = group.all(_CHUNKS, Struct)
        if len(chunks) != len(columns):
            found = counted(len(chunks), "column")
            yield f"a file has a row group of {found} where its schema has {len(columns)}"
            continue
        for column, chunk in zip(columns, chunks, strict=True):
            metadata = chunk.get(_METADATA, Struct) or Struct({})
            path = b".".join(metadata.all(_PATH, bytes)).decode(errors="replace")
            kind = _TYPES.get(metadata.get(_TYPE, int) or 0, column.physical_type)
            if (path, kind) != (column.path, column.physical_type):
                yield (
                    f"a file has a row group with {shown(path)}, {kind}, where its schema has "
                    f"{shown(column.path)}, {column.physical_type}"
                )
            if chunk.get(_FILE_PATH, bytes):
                yield f"a file says that {shown(path)} is in another file"


def unchecked_claims(written: Struct) -> Iterator[str]:
    """Yield a clause for each claim that is not compared with the data, and so refused."""
    for group in written.all(_GROUPS, Struct):
        if group.all(_SORTING, Struct):
            yield "a file declares a sort order, which is not checked; write it without"
        for chunk in group.all(_CHUNKS, Struct):
            metadata = chunk.get(_METADATA, Struct) or Struct({})
            name = shown(b".".join(metadata.all(_PATH, bytes)).decode(errors="replace"))
            if any(chunk.get(number, int) is not None for number in _INDEXES):
                yield f"a file has a page index of {name}, which is not checked; write it without"
            if metadata.get(_BLOOM_FILTER, int) is not None:
                yield f"a file has a Bloom filter of {name}, which is not checked; write it without"


def _lie_within(texts: Values, least: Sequence[bytes], most: Sequence[bytes]) -> bool:
    """Say whether there are texts and none is beyond; False is no proof that one is."""
    if not least or not most or texts.array.null_count == len(texts):
        return False
    known = texts.known.cast(pa.binary())
    below, above = pc.less(known, max(least)), pc.greater(known, min(most))
    return not pc.any(below).as_py() and not pc.any(above).as_py()


def _bounds(statistics: Struct, numbers: Sequence[int]) -> list[bytes]:
    found = (statistics.get(number, bytes) for number in numbers)
    return [result for result in found if result is not None]
