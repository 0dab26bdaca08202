"""Codecs: how a value of some type becomes bytes, and the bytes exactly the same value."""

from __future__ import annotations

import json
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from isthmus_transforms.errors import TransformError


class NotSavableError(TransformError):
    """Report why a value cannot be saved."""


class Codec(Protocol):
    """Writes values of one type so that reading returns exactly the same value."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the value; raise `NotSavableError` if reading would return another."""

    def read(self, file: BinaryIO) -> object:
        """Read the file to its end, and return the value."""


_CODECS: dict[type, Codec] = {}
_NAMES: dict[str, Codec] = {}


def register(kind: type, codec: Codec) -> None:
    """Use this codec for values of exactly this type, and not for values of its subclasses."""
    _CODECS[kind] = codec
    _NAMES[name_of(kind)] = codec


def name_of(kind: type) -> str:
    """Return the name by which a file refers to the codec of this type."""
    return f"{kind.__module__}.{kind.__qualname__}"


def codec_for(value: object) -> Codec:
    """Return the codec for the value's type, or raise `NotSavableError`."""
    try:
        return _CODECS[type(value)]
    except KeyError:
        raise NotSavableError(f"no codec is registered for {name_of(type(value))}") from None


def codec_named(name: str) -> Codec | None:
    """Return the codec that a file refers to, or None."""
    return _NAMES.get(name)


class TableCodec:
    """Writes Arrow tables as an uncompressed stream, the fastest format to write and to read."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the table, a batch for each chunk."""
        assert isinstance(value, pa.Table)  # noqa: S101
        with pa.ipc.new_stream(file, value.schema) as writer:
            writer.write_table(value)

    def read(self, file: BinaryIO) -> object:
        """Return the table."""
        return pa.ipc.open_stream(file).read_all()


class ArrayCodec:
    """Writes NumPy arrays in the npy format."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the array in its memory order."""
        array = np.asarray(value)
        dtype = array.dtype
        if dtype.hasobject or dtype.names is not None or dtype.metadata:
            raise NotSavableError(f"an array of {dtype} may not come back the same")
        np.lib.format.write_array(file, array, allow_pickle=False)

    def read(self, file: BinaryIO) -> object:
        """Return the array."""
        return np.lib.format.read_array(file, allow_pickle=False)


class ScalarCodec(ArrayCodec):
    """Writes NumPy scalars as arrays without a dimension."""

    def read(self, file: BinaryIO) -> object:
        """Return the scalar."""
        array = super().read(file)
        assert isinstance(array, np.ndarray)  # noqa: S101
        return array[()]


class BytesCodec:
    """Writes bytes unchanged."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the bytes."""
        assert isinstance(value, bytes)  # noqa: S101
        file.write(value)

    def read(self, file: BinaryIO) -> object:
        """Return the bytes."""
        return file.read()


class JsonCodec:
    """Writes plain values as JSON; a list starts with its type: list, tuple or dict."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the value."""
        try:
            text = json.dumps(_to_json(value))
        except (
            RecursionError,
            ValueError,
        ) as error:  # it contains itself, or a number with too many digits
            raise NotSavableError(f"it cannot be written as JSON: {error}") from None
        file.write(text.encode())

    def read(self, file: BinaryIO) -> object:
        """Return the value."""
        return _from_json(json.loads(file.read()))


def _to_json(value: object) -> object:
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is list:
        return ["list", *map(_to_json, value)]
    if type(value) is tuple:
        return ["tuple", *map(_to_json, value)]
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
    values = map(_from_json, items)
    return tuple(values) if kind == "tuple" else list(values)


for _kind in (type(None), bool, int, float, str, list, tuple, dict):
    register(_kind, JsonCodec())
for _scalar in (
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
    np.float32, np.float64,
):  # fmt: skip
    register(_scalar, ScalarCodec())
register(np.ndarray, ArrayCodec())
register(bytes, BytesCodec())
register(pa.Table, TableCodec())
