"""Reading a staged table: an Arrow IPC stream whose writer is not trusted.

A runner stages what needs no decoding: uncompressed batches without dictionaries and extension
types. Each message is read into memory of this process before anything looks at it. Metadata are
read past, for nobody gets them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
from pyarrow import ipc

from isthmus_contracts.formatting import shown
from isthmus_platform.lake.intake.safe_copy import FileDigest

_CONTINUATION = b"\xff\xff\xff\xff"
_PREFIX_BYTES = 8  # the continuation, and the length of metadata, which is 0 at the end
_MOST_METADATA_BYTES = 1 << 24  # a column needs some hundred
_EXTENSION = b"ARROW:extension:name"
_CHUNK_BYTES = 1 << 20


class StreamError(ValueError):
    """Report a staged file that is not such a stream; the message is a clause."""


class StagedStream:
    """Read one staged table from its beginning to its end, once; `file` is unbuffered."""

    def __init__(self, file: BinaryIO, size: int, most_batch_bytes: int) -> None:
        self._source = _Source(file, size, most_batch_bytes)

    @property
    def digest(self) -> FileDigest:
        """Return size and digest of what was read."""
        return FileDigest(self._source.position, self._source.sha256.hexdigest())

    def schema(self) -> pa.Schema:
        """Read the schema; raise `StreamError` if none is there."""
        with _translated():
            message = self._message()
            if message is None or message.type != "schema":
                raise StreamError("it does not begin with a schema")
            schema = ipc.read_schema(message)
            for name, field in zip(schema.names, schema, strict=True):
                extension = (field.metadata or {}).get(_EXTENSION)
                if extension is not None:
                    kind = shown(extension.decode(errors="replace"))
                    raise StreamError(f"column {shown(name)} has the extension type {kind}")
            return schema

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the batches, which are not validated; raise `StreamError` for what is none."""
        while (batch := self._batch(schema)) is not None:
            yield batch
        if self._source.left:
            raise StreamError(f"it has {self._source.left:,} bytes after its end")

    def drain(self) -> None:
        """Read the rest, of which nothing is wanted but the digest."""
        while self._source.take(_CHUNK_BYTES):
            pass

    def _batch(self, schema: pa.Schema) -> pa.RecordBatch | None:
        with _translated():
            message = self._message()
            if message is None:
                return None
            if message.type != "record batch":
                raise StreamError(f"it has a message of type {message.type}")
            batch = ipc.read_record_batch(message, schema)
            if not _lies_in(message.body, batch):
                raise StreamError("it has a batch that is compressed or of another byte order")
            return batch

    def _message(self) -> ipc.Message | None:
        prefix = self._source.take(_PREFIX_BYTES)
        if not prefix.startswith(_CONTINUATION[: len(prefix)]):
            raise StreamError("it is not an Arrow IPC stream")
        if len(prefix) < _PREFIX_BYTES:
            raise StreamError("it ends without an end of the stream")
        length = int.from_bytes(prefix[4:], "little", signed=True)
        if length == 0:
            return None
        if not 0 < length <= _MOST_METADATA_BYTES:
            raise StreamError(
                f"it has a message with {length:,} bytes of metadata; "
                f"allowed: {_MOST_METADATA_BYTES:,} at most"
            )
        self._source.repeat(prefix + self._source.take(length))
        return ipc.read_message(pa.PythonFile(self._source, mode="r"))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what pyarrow raises for bytes that make no sense into `StreamError`."""
    try:
        yield
    except (StreamError, MemoryError):  # the latter is one of Arrow's errors
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # such as a name that is no text
        raise StreamError(shown(error)) from error


class _Source:
    """Hash a file while it is read; read for pyarrow only what is there and what fits."""

    def __init__(self, file: BinaryIO, size: int, most_bytes: int) -> None:
        self._file = file
        self._size = size
        self._most_bytes = most_bytes
        self._repeated = b""
        self.position = 0
        self.sha256 = hashlib.sha256()
        self.closed = False

    @property
    def left(self) -> int:
        """Return how many bytes the file has still."""
        return self._size - self.position

    def take(self, count: int) -> bytes:
        """Return the next bytes, fewer at the end of the file."""
        pieces = []
        count = min(count, self.left)
        while count and (piece := self._file.read(count)):
            self.sha256.update(piece)
            self.position += len(piece)
            count -= len(piece)
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def repeat(self, data: bytes) -> None:
        """Let pyarrow read bytes that were taken."""
        self._repeated = data

    def read(self, count: int) -> bytes:
        """Return as many bytes as pyarrow asks for, or raise `StreamError`."""
        if self._repeated:
            data, self._repeated = self._repeated[:count], self._repeated[count:]
            return data
        if not 0 <= count <= self.left:
            raise StreamError("it ends within a batch")
        if count > self._most_bytes:
            raise StreamError(
                f"it has a batch of {count:,} bytes; the memory of acceptance allows "
                f"{self._most_bytes:,}"
            )
        return self.take(count)

    def close(self) -> None:
        """Leave the file open, as its owner has opened it."""


def _lies_in(body: pa.Buffer, batch: pa.RecordBatch) -> bool:
    """Say whether a batch is what its message holds, and nothing was decoded."""
    end = body.address + body.size
    return all(
        body.address <= buffer.address and buffer.address + buffer.size <= end
        for column in batch.columns
        for buffer in column.buffers()
        if buffer is not None and buffer.size
    )
