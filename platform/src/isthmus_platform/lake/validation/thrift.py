"""How a Parquet footer is read as it is written: Thrift's compact protocol, as plain values.

pyarrow shows only a part of a footer, and where some of it makes no sense ends the whole process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_Value = TypeVar("_Value")

_MAGIC = b"PAR1"
_MOST_BYTES = 1 << 24
_END_BYTES = 8  # the footer's length and a word
_DEEPEST = 16
_TRUE, _FALSE, _BYTE, _I16, _I64, _DOUBLE, _BINARY = 1, 2, 3, 4, 6, 7, 8
_LIST, _SET, _STRUCT = 9, 10, 12


@dataclass(frozen=True, slots=True)
class Struct:
    """Hold the fields of a structure by their numbers."""

    fields: Mapping[int, object]

    def get(self, number: int, kind: type[_Value]) -> _Value | None:
        """Return a field, or None if it is not there; raise `ValueError` if it is of another kind.

        An integer or a truth is an int, a text is bytes; a double is passed over, as None.
        """
        value = self.fields.get(number)
        if value is None or isinstance(value, kind):
            return value
        raise ValueError(f"its footer has a field {number} of another type")

    def all(self, number: int, kind: type[_Value]) -> list[_Value]:
        """Return the elements of a field that is a list; none if it is not there."""
        values = self.get(number, list) or []
        if all(isinstance(value, kind) for value in values):
            return values
        raise ValueError(f"its footer has a field {number} of another type")


def read_footer(path: Path) -> Struct:
    """Return the footer of a file that `pyarrow` could open.

    Raise `ValueError` if it is no such structure, names a field twice or is too large.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:  # some readers begin with it
            raise ValueError(f"it does not begin with {_MAGIC.decode()}")
        size = file.seek(-_END_BYTES, 2)
        length = int.from_bytes(file.read(4), "little")
        if length > min(size, _MOST_BYTES):
            raise ValueError(f"its footer has {length} bytes; read are {_MOST_BYTES} at most")
        file.seek(size - length)
        try:
            return _Reader(file.read(length)).struct(0)
        except IndexError:
            raise ValueError("its footer ends in the middle") from None


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def struct(self, depth: int) -> Struct:
        fields: dict[int, object] = {}
        number = 0
        while head := self._byte():
            step, kind = divmod(head, 16)
            number = number + step if step else self._integer()
            if number in fields:
                raise ValueError(f"its footer has field {number} of a structure twice")
            if kind in (_TRUE, _FALSE):  # the kind is the value
                fields[number] = int(kind == _TRUE)
            else:
                fields[number] = self._value(kind, depth)
        return Struct(fields)

    def _value(self, kind: int, depth: int) -> object:
        if depth > _DEEPEST:
            raise ValueError("its footer is nested too deep")
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if _I16 <= kind <= _I64:
            return self._integer()
        if kind == _DOUBLE:
            self._bytes(8)
            return None
        if kind == _BINARY:
            return self._bytes(self._natural())
        if kind in (_LIST, _SET):
            count, kind = divmod(self._byte(), 16)
            count = self._natural() if count == 15 else count  # noqa: PLR2004 - a longer one
            return [self._value(kind, depth + 1) for _ in range(count)]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise ValueError(f"its footer has a value of kind {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._content):
            raise IndexError
        return self._content[self._at - count : self._at]

    def _natural(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        value = self._natural()
        return value >> 1 ^ -(value & 1)
