"""Models as files: skops' format, which holds no code."""

from __future__ import annotations

import json
from io import BytesIO
from zipfile import ZipFile, ZipInfo

import numpy as np
import skops.io
from numpy.lib.format import read_array, write_array

SCHEMA = "schema.json"


def skops_bytes(model: object) -> bytes:
    """Return a model as a skops file; the same model gives the same bytes.

    Raise `ValueError` for a model with a function that no other process finds by its name, such as
    a lambda.
    """
    saved: bytes = skops.io.dumps(model)
    for name in skops.io.get_untrusted_types(data=saved):
        if name.startswith("__main__.") or "<" in name:
            raise ValueError(
                f"the model uses {name}, which cannot be loaded from a file; define it in a module"
            )
    return _stable(saved)


def _stable(saved: bytes) -> bytes:
    """Replace what skops takes from the moment, such as memory addresses and the time."""
    with ZipFile(BytesIO(saved)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(contents.pop(SCHEMA))
    numbers: dict[str, int] = {}
    _clean(schema)
    _number(schema, numbers)
    renamed = {_renumbered(name, numbers): content for name, content in contents.items()}
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr(ZipInfo(SCHEMA), json.dumps(schema, indent=2))
        for name in sorted(renamed):
            archive.writestr(ZipInfo(name), _without_padding(name, renamed[name]))
    return buffer.getvalue()


def _without_padding(name: str, content: bytes) -> bytes:
    """Return an array's file with zeros between its fields, where memory holds anything."""
    if not name.endswith(".npy"):
        return content
    array = read_array(BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)  # `zeros_like` leaves the padding as it is
    for field in array.dtype.names:
        clean[field] = array[field]
    buffer = BytesIO()
    write_array(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _clean(part: object) -> None:
    """Sort the items of each set, whose order differs between processes, and forget addresses."""
    if isinstance(part, list):
        for item in part:
            _clean(item)
    if isinstance(part, dict):
        for item in part.values():
            _clean(item)
    match part:
        case {"_stop_words_id": {"content": str()} as address}:  # which vectorizers remember
            address["content"] = "0"
        case {"__loader__": "SetNode", "content": list(items)}:
            items.sort(key=_sort_key)
        case {"__class__": "frozenset", "content": {"content": [{"content": list(items)}]}}:
            items.sort(key=_sort_key)


def _sort_key(part: object) -> str:
    return json.dumps(_without_addresses(part))


def _without_addresses(part: object) -> object:
    if isinstance(part, list):
        return [_without_addresses(item) for item in part]
    if isinstance(part, dict):
        return {
            name: _without_addresses(item)
            for name, item in part.items()
            if name not in {"__id__", "file"}
        }
    return part


def _number(part: object, numbers: dict[str, int]) -> None:
    """Give the objects of a schema numbers in the order in which they appear in it."""
    if isinstance(part, list):
        for item in part:
            _number(item, numbers)
    if isinstance(part, dict):
        if "__id__" in part:
            # Which plain values are one object in memory is chance: a copy of a model has others.
            address = len(numbers) if part.get("__loader__") == "JsonNode" else part["__id__"]
            part["__id__"] = numbers.setdefault(str(address), len(numbers))
        if isinstance(part.get("file"), str):
            part["file"] = _renumbered(part["file"], numbers)
        for item in part.values():
            _number(item, numbers)


def _renumbered(name: str, numbers: dict[str, int]) -> str:
    address, dot, suffix = name.partition(".")
    return f"{numbers.setdefault(address, len(numbers))}{dot}{suffix}"
