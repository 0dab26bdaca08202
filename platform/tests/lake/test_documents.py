from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.errors import LakeError
from isthmus_platform.lake import documents
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.pins import Pin

PIN = Pin("sources/nyc/flights", 3)


def test_a_document_comes_back(tmp_path: Path) -> None:
    write_once(tmp_path / "new" / "pin.json", PIN)
    assert read_document(Pin, tmp_path / "new" / "pin.json") == PIN
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "pin.json"]


def test_the_names_of_new_directories_reach_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(documents, "flush", flushed.append)
    write_once(tmp_path / "a" / "b" / "pin.json", PIN)
    assert flushed == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    write_once(tmp_path / "a" / "b" / "other.json", PIN)
    assert flushed[3:] == [tmp_path / "a" / "b"]


def test_a_document_is_never_overwritten(tmp_path: Path) -> None:
    write_once(tmp_path / "pin.json", PIN)
    with pytest.raises(FileExistsError):
        write_once(tmp_path / "pin.json", Pin("another", 1))
    assert read_document(Pin, tmp_path / "pin.json") == PIN
    assert list(tmp_path.iterdir()) == [tmp_path / "pin.json"]


def test_what_is_no_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_once(tmp_path / "x.json", {"share": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no JSON"),
        ("\udcff", "is no JSON"),
        ("[]", "expected an object"),
        ('{"table": "t"}', "version"),
        ('{"table": "t", "version": "3"}', "Pin.version: expected int"),
        ('{"table": "t", "version": 3, "colour": "red"}', "colour"),
    ],
)
def test_anything_else_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "pin.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(LakeError, match=r"pin\.json") as caught:
        read_document(Pin, path)
    assert problem in str(caught.value)
