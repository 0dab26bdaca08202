"""What a runner leaves is measured and removed, however it is made."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from isthmus_platform.runners import directories
from isthmus_platform.runners.directories import empty, usage


def test_files_in_folders_count_and_links_do_not_lead_on(tmp_path: Path) -> None:
    (tmp_path / "staging" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(b"x" * 10_000_000)
    (tmp_path / "staging" / "deep" / "file").write_bytes(b"x" * 1_000_000)
    (tmp_path / "staging" / "link").symlink_to(tmp_path / "elsewhere")
    assert 1_000_000 <= usage(str(tmp_path / "staging")) < 1_100_000


def test_a_file_with_holes_counts_with_its_whole_size(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 1 << 40)
    assert usage(str(tmp_path)) >= 1 << 40


def test_a_missing_directory_has_no_bytes(tmp_path: Path) -> None:
    assert usage(str(tmp_path / "nowhere"), str(tmp_path / "either")) == 0


def test_files_without_content_count(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / str(number)).touch()
    assert usage(str(tmp_path)) >= 500_000


def test_a_link_in_place_of_a_directory_counts_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"x" * 10_000)
    (tmp_path / "staging").symlink_to(tmp_path / "elsewhere")
    assert usage(str(tmp_path / "staging")) == 0


def make_deep(directory: Path, depth: int) -> None:
    """Make directories in each other, deeper than a path can name."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        for _ in range(depth):
            Path("d" * 50).mkdir()
            os.chdir("d" * 50)
        Path("file").write_text("at the end")
    finally:
        os.chdir(before)


def test_what_is_too_deep_to_be_listed_is_not_measured_as_nothing(tmp_path: Path) -> None:
    make_deep(tmp_path, 200)
    with pytest.raises(OSError, match="too long") as found:
        usage(str(tmp_path))
    assert found.value.errno == errno.ENAMETOOLONG
    empty(str(tmp_path))


def test_directories_of_any_depth_are_removed(tmp_path: Path) -> None:
    make_deep(tmp_path, 2000)
    empty(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("stays")
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "work" / "deep" / "link").symlink_to(tmp_path / "elsewhere")
    empty(str(tmp_path / "work"))
    assert list((tmp_path / "work").iterdir()) == []
    assert (tmp_path / "elsewhere" / "file").read_text() == "stays"


def test_a_link_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("stays")
    (tmp_path / "work").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        empty(str(tmp_path / "work"))
    assert (tmp_path / "elsewhere" / "file").exists()


COMMAND = [sys.executable, "-I", "-S", directories.__file__]


def test_it_runs_by_its_path_and_needs_only_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10_000)
    measured = subprocess.check_output([*COMMAND, "usage", str(tmp_path)], text=True)
    assert 10_000 <= int(measured) < 20_000
    subprocess.check_call([*COMMAND, "empty", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
    tree = ast.parse(Path(directories.__file__).read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in found if "isthmus" in ast.unparse(node)]


def test_a_directory_of_any_mode_is_removed_by_its_owner() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        os.chown(place, 65534, 65534)
        os.seteuid(65534)
        try:
            (place / "a" / "b").mkdir(parents=True)
            (place / "a" / "b" / "file").touch()
            (place / "a" / "b").chmod(0)
            (place / "a").chmod(0)
            with pytest.raises(PermissionError):
                usage(name)
            empty(name)
        finally:
            os.seteuid(0)
        assert list(place.iterdir()) == []
