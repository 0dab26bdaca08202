"""Codecs: how a value of some type becomes bytes, and the bytes exactly the same value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from isthmus_transforms.errors import TransformError


class NotSavableError(TransformError):
    """Report why a value cannot be saved."""


class Codec(Protocol):
    """Writes values of one type so that reading returns exactly the same value."""

    def write(self, value: object, file: BinaryIO) -> object:
        """Write the value; raise `NotSavableError` if reading would return another."""

    def read(self, file: BinaryIO) -> object:
        """Read the file to its end, and return the value."""


@dataclass(frozen=True, slots=True)
class _Functions:
    write: Callable[..., object]
    read: Callable[[BinaryIO], object]


class DigestWriter:
    """A file that counts and digests what is written to it, and passes it on to another."""

    closed = False

    def __init__(self, limit: float = math.inf, file: BinaryIO | None = None) -> None:
        self.digest = hashlib.sha256()
        self.length = 0
        self._limit, self._file = limit, file

    def write(self, content: bytes) -> int:
        """Write bytes; raise `NotSavableError` if they are too many."""
        view = memoryview(content).cast("B")
        self.length += len(view)
        if self.length > self._limit:
            raise NotSavableError(f"it is larger than {self._limit:,} bytes")
        self.digest.update(view)
        if self._file is not None:
            self._file.write(view)
        return len(view)

    def flush(self) -> None:
        """Do nothing: the other file is flushed when it is closed."""


_CODECS: dict[str, tuple[type, Codec]] = {}


def register(kind: type, codec: Codec) -> None:
    """Use this codec for values of exactly this type, and not for values of its subclasses."""
    _CODECS[name_of(kind)] = kind, codec


def name_of(kind: type) -> str:
    """Return the name by which a file refers to the codec of this type."""
    return f"{kind.__module__}.{kind.__qualname__}"


def codec_for(value: object) -> Codec:
    """Return the codec for the value's type, or raise `NotSavableError`."""
    name = name_of(type(value))
    kind, codec = _CODECS.get(name, (None, None))
    if codec is None or kind is not type(value):
        raise NotSavableError(f"no codec is registered for {name}")
    return codec


def codec_named(name: str) -> Codec | None:
    """Return the codec that a file refers to, or None."""
    return _CODECS[name][1] if name in _CODECS else None


def write_table(table: pa.Table, file: BinaryIO) -> None:
    """Write an uncompressed Arrow stream, the fastest format to write and to read."""
    with pa.ipc.new_stream(file, table.schema) as writer:
        if table.num_rows:
            writer.write_table(table)
        else:  # without a batch, dictionaries would be left out
            columns = [column.combine_chunks() for column in table.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=table.schema))


def read_table(file: BinaryIO) -> pa.Table:
    """Return the table that `write_table` wrote."""
    return pa.ipc.open_stream(file).read_all()


def _write_array(value: object, file: BinaryIO) -> None:
    array = np.asarray(value)
    if array.dtype.hasobject or array.dtype.names is not None or array.dtype.metadata:
        raise NotSavableError(f"an array of {array.dtype} may not come back the same")
    np.lib.format.write_array(file, array, allow_pickle=False)


def _write_json(value: object, file: BinaryIO) -> None:
    try:
        file.write(json.dumps(_to_json(value)).encode())
    except (RecursionError, ValueError) as error:  # it contains itself, or too many digits
        raise NotSavableError(f"it cannot be written as JSON: {error}") from None


def _to_json(value: object) -> object:
    """Return a plain value in which a list starts with its type: list, tuple or dict."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is list or type(value) is tuple:
        return [type(value).__name__, *map(_to_json, value)]
    if type(value) is dict:
        if any(type(key) is not str for key in value):
            raise NotSavableError("a dict has keys that are not str")
        return ["dict", *([key, _to_json(item)] for key, item in value.items())]
    raise NotSavableError(f"it contains a {name_of(type(value))}, which is not a plain value")


def _from_json(value: object) -> object:
    if not isinstance(value, list):
        return value
    kind, *items = value
    if kind == "dict":
        return {key: _from_json(item) for key, item in items}
    return tuple(map(_from_json, items)) if kind == "tuple" else list(map(_from_json, items))


def _read_array(file: BinaryIO) -> object:
    return np.lib.format.read_array(file, allow_pickle=False)


_JSON = _Functions(_write_json, lambda file: _from_json(json.loads(file.read())))
for _kind in (type(None), bool, int, float, str, list, tuple, dict):
    register(_kind, _JSON)
for _dtype in "?bhilqBHILQfd":
    register(np.dtype(_dtype).type, _Functions(_write_array, lambda file: _read_array(file)[()]))  # type: ignore[index]
register(np.ndarray, _Functions(_write_array, _read_array))
register(bytes, _Functions(lambda value, file: file.write(value), lambda file: bytes(file.read())))
register(pa.Table, _Functions(write_table, read_table))
