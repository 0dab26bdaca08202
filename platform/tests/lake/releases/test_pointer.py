from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from isthmus_platform.errors import LakeError
from isthmus_platform.lake.releases.pointer import (
    append_move,
    append_removal,
    last_move,
    read_moves,
)
from isthmus_platform.storage import Location

on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


def test_there_is_no_move_at_first(folder: Location) -> None:
    assert last_move(folder) is None
    assert read_moves(folder) == ()


@on_both
def test_each_move_is_kept(folder: Location) -> None:
    assert append_move(folder, (), "a", "publish", "run 1")
    assert append_move(folder, read_moves(folder), "b", "publish", "run 2")
    assert append_move(folder, read_moves(folder), "a", "rollback", "eve")
    moves = read_moves(folder)
    assert [(move.release, move.previous, move.reason, move.by) for move in moves] == [
        ("a", None, "publish", "run 1"),
        ("b", "a", "publish", "run 2"),
        ("a", "b", "rollback", "eve"),
    ]
    assert last_move(folder) == moves[-1]
    assert folder.names() == tuple(f"0000000{n}.json" for n in (1, 2, 3))


@on_both
def test_a_move_after_another_move_is_a_conflict(folder: Location) -> None:
    assert append_move(folder, (), "a", "publish", "run 1")
    assert not append_move(folder, (), "b", "publish", "run 2")
    assert [move.release for move in read_moves(folder)] == ["a"]


def test_releases_are_removed_where_the_pointer_stands(folder: Location) -> None:
    assert append_move(folder, (), "a", "publish", "run 1")
    assert append_move(folder, read_moves(folder), "b", "publish", "run 2")
    seen = read_moves(folder)
    assert append_removal(folder, seen, ("a",), "eve")
    last = last_move(folder)
    assert last is not None
    assert (last.release, last.previous, last.reason) == ("b", "b", "garbage-collection")
    assert (last.by, last.removed) == ("eve", ("a",))
    assert not append_removal(folder, seen, ("a",), "eve")
    assert not append_move(folder, seen, "a", "rollback", "bob")


def test_a_move_without_removed_releases_can_be_read(folder: Location) -> None:
    move = {"release": "a", "previous": None, "at": "2026-01-01", "reason": "publish", "by": "x"}
    folder.store.create(f"{folder.key}/00000001.json", json.dumps(move).encode())
    assert read_moves(folder)[0].removed == ()


@on_both
def test_one_of_many_concurrent_moves_succeeds(folder: Location) -> None:
    with ThreadPoolExecutor(8) as pool:
        moved = list(
            pool.map(lambda n: append_move(folder, (), f"r{n}", "publish", "run"), range(8))
        )
    assert moved.count(True) == 1
    assert [move.release for move in read_moves(folder)] == [f"r{moved.index(True)}"]


def test_drafts_of_killed_writers_do_not_count(folder: Location) -> None:
    append_move(folder, (), "a", "publish", "run 1")
    (folder.local() / ".00000002.json.deadbeef").write_text("{", encoding="utf-8")
    assert len(read_moves(folder)) == 1


@on_both
def test_a_gap_between_moves_is_an_error(folder: Location) -> None:
    for name in "abc":
        append_move(folder, read_moves(folder), name, "publish", "run")
    (folder / "00000002.json").remove()
    with pytest.raises(LakeError, match="leave a gap"):
        read_moves(folder)
