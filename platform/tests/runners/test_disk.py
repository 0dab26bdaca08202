from __future__ import annotations

import os
from pathlib import Path

from isthmus_platform.runners.disk import disk_usage


def test_files_in_folders_count_and_links_do_not_lead_on(tmp_path: Path) -> None:
    (tmp_path / "staging" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(b"x" * 10_000_000)
    (tmp_path / "staging" / "deep" / "file").write_bytes(b"x" * 1_000_000)
    (tmp_path / "staging" / "link").symlink_to(tmp_path / "elsewhere")
    assert 1_000_000 <= disk_usage(tmp_path / "staging") < 1_100_000


def test_a_file_with_holes_counts_with_its_whole_size(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 1 << 40)
    assert disk_usage(tmp_path) >= 1 << 40


def test_a_missing_directory_has_no_bytes(tmp_path: Path) -> None:
    assert disk_usage(tmp_path / "nowhere", tmp_path / "either") == 0
