from __future__ import annotations

import pytest

from isthmus_platform.errors import LakeError
from isthmus_platform.lake.documents import documents_in, read_document, write_once
from isthmus_platform.lake.pins import Pin
from isthmus_platform.storage import Location

PIN = Pin("sources/nyc/flights", 3)


def test_a_document_comes_back(folder: Location) -> None:
    write_once(folder / "pin.json", PIN)
    assert read_document(Pin, folder / "pin.json") == PIN
    assert list(folder.local().iterdir()) == [(folder / "pin.json").local()]


def test_a_document_is_never_overwritten(folder: Location) -> None:
    write_once(folder / "pin.json", PIN)
    with pytest.raises(FileExistsError):
        write_once(folder / "pin.json", Pin("another", 1))
    assert read_document(Pin, folder / "pin.json") == PIN
    assert list(folder.local().iterdir()) == [(folder / "pin.json").local()]


def test_what_is_hidden_or_named_otherwise_is_no_document(folder: Location) -> None:
    assert documents_in(folder) == ()
    for name in ("b.json", "a.json", ".nfs0001.json", ".x.json", "a.json~", "notes.txt"):
        folder.store.create((folder / name).key, b"{}")
    assert documents_in(folder) == (folder / "a.json", folder / "b.json")


def test_what_is_no_json_leaves_nothing(folder: Location) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_once(folder / "x.json", {"share": float("nan")})
    assert not folder.local().exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not valid JSON"),
        ("\udcff", "is not valid JSON"),
        ("[]", "expected an object"),
        ('{"table": "t"}', "version"),
        ('{"table": "t", "version": "3"}', "Pin.version: expected int"),
        ('{"table": "t", "version": 3, "colour": "red"}', "colour"),
    ],
)
def test_anything_else_is_named(folder: Location, text: str, problem: str) -> None:
    place = folder / "pin.json"
    place.store.create(place.key, text.encode(errors="surrogateescape"))
    with pytest.raises(LakeError, match=r"pin\.json") as caught:
        read_document(Pin, place)
    assert problem in str(caught.value)
