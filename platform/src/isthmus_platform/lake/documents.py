"""JSON documents of the lake: written once, as a whole, and read strictly.

`write_once` is the one conditional write on which publishing depends.
"""

from __future__ import annotations

import json
from typing import TypeVar

from isthmus_contracts import ProtocolError
from isthmus_contracts.codec import deserialize, serialize
from isthmus_platform.errors import LakeError
from isthmus_platform.storage import Location

T = TypeVar("T")


def write_once(place: Location, document: object) -> None:
    """Create a whole and durable document, or raise `FileExistsError`."""
    text = json.dumps(serialize(document), indent=2, allow_nan=False) + "\n"
    place.store.create(place.key, text.encode())


def documents_in(folder: Location) -> tuple[Location, ...]:
    """Return the documents in a folder, in order: visible files whose names end in `.json`."""
    names = (name for name in folder.names() if name.endswith(".json") and name[0] != ".")
    return tuple(folder / name for name in names)


def read_document(cls: type[T], place: Location) -> T:
    """Return the `cls` that a document holds, or raise `LakeError` if it holds anything else."""
    return parse_document(cls, place.store.read(place.key), place.address)


def parse_document(cls: type[T], content: bytes, name: str) -> T:
    """Return the `cls` that this content is, or raise `LakeError`, whose message has `name`."""
    try:
        return deserialize(cls, json.loads(content.decode("utf-8")))
    except ProtocolError as error:
        raise LakeError(name, str(error)) from error
    except ValueError as error:
        raise LakeError(name, f"is not valid JSON: {error}") from error
