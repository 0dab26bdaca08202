from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.storage import local_files
from isthmus_platform.storage.local_files import atomic_write, flush, make_directory, write_text


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    with atomic_write(path) as draft:
        draft.write_text("half")
        assert not path.exists()
        draft.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    path.write_text("before")
    with atomic_write(path) as draft:
        draft.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"


@pytest.mark.parametrize("options", [{}, {"private": True}, {"durable": True, "overwrite": False}])
def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, options: dict[str, bool]
) -> None:
    path = tmp_path / "pins.json"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), atomic_write(path, **options) as draft:
        draft.write_text("half" * 100_000 + "\ud800", encoding="utf-8")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_that_was_never_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "pins.json"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_overwrite_an_existing_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    path.write_text("first")
    with pytest.raises(FileExistsError), atomic_write(path, overwrite=False) as draft:
        draft.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "pins.json"
    for text in ("first, which is longer", "second"):
        write_text(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_private_text_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    write_text(path, "secret", private=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("secret", 0o600)


def test_only_its_owner_ever_reads_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with atomic_write(path, private=True) as draft:
        assert draft.stat().st_mode & 0o777 == 0o600
        draft.write_text("secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_durable_file_reaches_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pins.json"
    flushed: list[tuple[Path, bool]] = []
    monkeypatch.setattr(local_files, "flush", lambda file: flushed.append((file, path.exists())))
    with atomic_write(path, durable=True) as draft:
        draft.write_text("text")
    assert flushed == [(draft, False), (tmp_path, True)]


def test_new_directories_are_flushed_from_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(local_files, "flush", flushed.append)
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert flushed == [tmp_path, tmp_path / "a"]


def test_a_missing_file_cannot_be_flushed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "missing")
