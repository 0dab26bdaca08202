"""Codecs: how a value of some type becomes bytes, and exactly the same value again."""

from __future__ import annotations

import json
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from isthmus_transforms.errors import TransformError


class NotSavableError(TransformError):
    """Say why a value was not saved."""


class Codec(Protocol):
    """Write values of one type so that reading gives the same again, in every respect."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the value; raise `NotSavableError` if the same could not be read."""

    def read(self, file: BinaryIO) -> object:
        """Return the value that was written, to the end of the file."""


_CODECS: dict[type, Codec] = {}
_NAMES: dict[str, Codec] = {}


def register(kind: type, codec: Codec) -> None:
    """Save values of exactly this type by the codec; those of types derived from it are others."""
    _CODECS[kind] = codec
    _NAMES[name_of(kind)] = codec


def name_of(kind: type) -> str:
    """Return the name under which a file knows its codec."""
    return f"{kind.__module__}.{kind.__qualname__}"


def codec_for(value: object) -> Codec:
    """Return the codec for the value's type, or raise `NotSavableError`."""
    try:
        return _CODECS[type(value)]
    except KeyError:
        raise NotSavableError(f"no codec is registered for {name_of(type(value))}") from None


def codec_named(name: str) -> Codec | None:
    """Return the codec that a file names, if it is known."""
    return _NAMES.get(name)


class TableCodec:
    """Write Arrow tables as a stream, uncompressed: that is the fastest to write and to read."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the table in batches of its chunks."""
        assert isinstance(value, pa.Table)  # noqa: S101
        with pa.ipc.new_stream(file, value.schema) as writer:
            writer.write_table(value)

    def read(self, file: BinaryIO) -> object:
        """Return the table."""
        return pa.ipc.open_stream(file).read_all()


class ArrayCodec:
    """Write arrays of numpy, and its scalars as arrays without a dimension, as npy."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the array, in its order in memory."""
        array = np.asarray(value)
        dtype = array.dtype
        if dtype.hasobject or dtype.names is not None or dtype.metadata:
            raise NotSavableError(f"an array of {dtype} may not come back the same")
        np.lib.format.write_array(file, array, allow_pickle=False)

    def read(self, file: BinaryIO) -> object:
        """Return the array."""
        return np.lib.format.read_array(file, allow_pickle=False)


class ScalarCodec(ArrayCodec):
    """Write numpy's scalars."""

    def read(self, file: BinaryIO) -> object:
        """Return the scalar."""
        array = super().read(file)
        assert isinstance(array, np.ndarray)  # noqa: S101
        return array[()]


class BytesCodec:
    """Write bytes as they are."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the bytes."""
        assert isinstance(value, bytes)  # noqa: S101
        file.write(value)

    def read(self, file: BinaryIO) -> object:
        """Return the bytes."""
        return file.read()


class JsonCodec:
    """Write plain values as JSON, in which a list says whether it is a list, a tuple or a dict."""

    def write(self, value: object, file: BinaryIO) -> None:
        """Write the value."""
        try:
            text = json.dumps(_packed(value))
        except (RecursionError, ValueError) as error:  # it holds itself, or too many digits
            raise NotSavableError(f"it makes no JSON: {error}") from None
        file.write(text.encode())

    def read(self, file: BinaryIO) -> object:
        """Return the value."""
        return _unpacked(json.loads(file.read()))


def _packed(value: object) -> object:
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is list:
        return ["list", *map(_packed, value)]
    if type(value) is tuple:
        return ["tuple", *map(_packed, value)]
    if type(value) is dict:
        if any(type(key) is not str for key in value):
            raise NotSavableError("a dict has keys that are not str")
        return ["dict", *([key, _packed(each)] for key, each in value.items())]
    raise NotSavableError(f"it holds a {name_of(type(value))}, which is no plain value")


def _unpacked(value: object) -> object:
    if not isinstance(value, list):
        return value
    kind, *parts = value
    if kind == "dict":
        return {key: _unpacked(each) for key, each in parts}
    unpacked = map(_unpacked, parts)
    return tuple(unpacked) if kind == "tuple" else list(unpacked)


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
