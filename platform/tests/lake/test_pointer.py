from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus_platform.errors import LakeError
from isthmus_platform.lake.pointer import last_move, read_moves, try_move, try_remove


def test_it_points_nowhere_at_first(tmp_path: Path) -> None:
    assert last_move(tmp_path / "pointer") is None
    assert read_moves(tmp_path / "pointer") == ()


def test_each_move_is_kept(tmp_path: Path) -> None:
    assert try_move(tmp_path, (), "a", "publish", "run 1")
    assert try_move(tmp_path, read_moves(tmp_path), "b", "publish", "run 2")
    assert try_move(tmp_path, read_moves(tmp_path), "a", "rollback", "eve")
    moves = read_moves(tmp_path)
    assert [(each.release, each.previous, each.reason, each.by) for each in moves] == [
        ("a", None, "publish", "run 1"),
        ("b", "a", "publish", "run 2"),
        ("a", "b", "rollback", "eve"),
    ]
    assert last_move(tmp_path) == moves[-1]
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        f"0000000{n}.json" for n in (1, 2, 3)
    ]


def test_who_decided_on_what_is_no_longer_true_is_refused(tmp_path: Path) -> None:
    assert try_move(tmp_path, (), "a", "publish", "run 1")
    assert not try_move(tmp_path, (), "b", "publish", "run 2")
    assert [each.release for each in read_moves(tmp_path)] == ["a"]


def test_releases_are_removed_where_the_pointer_stands(tmp_path: Path) -> None:
    assert try_move(tmp_path, (), "a", "publish", "run 1")
    assert try_move(tmp_path, read_moves(tmp_path), "b", "publish", "run 2")
    seen = read_moves(tmp_path)
    assert try_remove(tmp_path, seen, ("a",), "eve")
    last = last_move(tmp_path)
    assert last is not None
    assert (last.release, last.previous, last.reason) == ("b", "b", "clean")
    assert (last.by, last.removed) == ("eve", ("a",))
    assert not try_remove(tmp_path, seen, ("a",), "eve")
    assert not try_move(tmp_path, seen, "a", "rollback", "bob")


def test_moves_of_before_there_was_cleaning_can_be_read(tmp_path: Path) -> None:
    move = {"release": "a", "previous": None, "at": "2026-01-01", "reason": "publish", "by": "x"}
    (tmp_path / "00000001.json").write_text(json.dumps(move), encoding="utf-8")
    assert read_moves(tmp_path)[0].removed == ()


def test_of_many_at_once_one_moves_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        moved = list(
            pool.map(lambda n: try_move(tmp_path, (), f"r{n}", "publish", "run"), range(8))
        )
    assert moved.count(True) == 1
    assert [each.release for each in read_moves(tmp_path)] == [f"r{moved.index(True)}"]


def test_drafts_of_the_dead_do_not_count(tmp_path: Path) -> None:
    try_move(tmp_path, (), "a", "publish", "run 1")
    (tmp_path / ".00000002.json.deadbeef").write_text("{", encoding="utf-8")
    assert len(read_moves(tmp_path)) == 1


def test_a_gap_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    for name in "abc":
        try_move(tmp_path, read_moves(tmp_path), name, "publish", "run")
    (tmp_path / "00000002.json").unlink()
    with pytest.raises(LakeError, match="leave a gap"):
        read_moves(tmp_path)
