from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from isthmus_contracts.codec import serialize
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.releases.pointer import (
    Move,
    append_move,
    append_removal,
    is_published,
    last_move,
    moves_to,
    read_move,
    read_moves,
    removal_of,
)
from isthmus_platform.storage import Location

on_both = pytest.mark.parametrize("where", ["disk", "bucket"], indirect=True)


@pytest.fixture
def publish(folder: Location) -> Callable[..., Move]:
    """Publish a release at the next number, and return the move."""

    def make(publication: str = "a") -> Move:
        last = last_move(folder)
        number = last.number + 1 if last else 1
        assert append_move(folder, last, f"{publication}-{number}", "publish", f"run {number}")
        return read_move(folder, number)

    return make


def remove_all_but(folder: Location, oldest: int, *kept: str, by: str = "eve") -> bool:
    last = last_move(folder)
    assert last is not None
    return append_removal(folder, last, oldest, kept, by)


def test_there_is_no_move_at_first(folder: Location) -> None:
    assert last_move(folder) is None
    assert read_moves(folder) == ()


@on_both
def test_each_move_is_kept(folder: Location) -> None:
    assert append_move(folder, None, "a-1", "publish", "run 1")
    assert append_move(folder, last_move(folder), "b-2", "publish", "run 2")
    assert append_move(folder, last_move(folder), "a-1", "rollback", "eve")
    moves = read_moves(folder)
    assert [(move.number, move.release, move.previous) for move in moves] == [
        (1, "a-1", None),
        (2, "b-2", "a-1"),
        (3, "a-1", "b-2"),
    ]
    assert [(move.reason, move.by) for move in moves] == [
        ("publish", "run 1"),
        ("publish", "run 2"),
        ("rollback", "eve"),
    ]
    assert last_move(folder) == moves[-1]
    assert tuple(moves_to(folder, moves[1], 2)) == moves[1:2]


@on_both
def test_the_newest_move_has_the_first_name(folder: Location, publish: Callable[..., Move]) -> None:
    for _ in range(11):
        publish()
    names = [f"999999{number}.json" for number in range(89, 100)]
    assert list(folder.names()) == list(folder.ordered_names()) == names
    assert read_move(folder, 11).number == 11


@on_both
def test_a_move_after_another_move_is_a_conflict(folder: Location) -> None:
    assert append_move(folder, None, "a-1", "publish", "run 1")
    assert not append_move(folder, None, "b-1", "publish", "run 2")
    assert [move.release for move in read_moves(folder)] == ["a-1"]


def test_releases_are_removed_where_the_pointer_stands(
    folder: Location, publish: Callable[..., Move]
) -> None:
    publish(), publish()
    seen = last_move(folder)
    assert seen is not None
    assert append_removal(folder, seen, 2, (), "eve")
    last = last_move(folder)
    assert last is not None
    assert (last.release, last.previous, last.reason) == ("a-2", "a-2", "garbage-collection")
    assert (last.by, last.oldest, last.kept) == ("eve", 2, ())
    assert not append_removal(folder, seen, 2, (), "eve")
    assert not append_move(folder, seen, "a-1", "rollback", "bob")


def test_what_was_removed_stays_removed_after_other_moves(
    folder: Location, publish: Callable[..., Move]
) -> None:
    for _ in range(4):
        publish()
    assert remove_all_but(folder, 3, "a-1")
    publish()
    append_move(folder, last_move(folder), "a-1", "rollback", "bob")
    last = last_move(folder)
    assert last is not None
    assert (last.oldest, last.kept) == (3, ("a-1",))
    assert [last.keeps(name) for name in ("a-1", "a-2", "a-3", "a-4", "a-6")] == [
        *(True, False, True, True, True)
    ]


def test_the_move_that_removed_a_release_is_found(
    folder: Location, publish: Callable[..., Move]
) -> None:
    for _ in range(4):
        publish()
    assert remove_all_but(folder, 2, by="eve")
    publish()
    assert remove_all_but(folder, 6, "a-3", by="bob")
    assert remove_all_but(folder, 7, by="ada")
    publish()
    last = last_move(folder)
    assert last is not None
    found = {name: removal_of(folder, last, name).by for name in ("a-1", "a-2", "a-3", "a-4")}
    assert found == {"a-1": "eve", "a-2": "bob", "a-3": "ada", "a-4": "bob"}


def test_a_release_is_published_by_the_move_in_its_id(
    folder: Location, publish: Callable[..., Move]
) -> None:
    publish("a"), publish("b")
    append_move(folder, last_move(folder), "a-1", "rollback", "bob")
    last = last_move(folder)
    assert last is not None
    assert is_published(folder, last, "a-1")
    assert is_published(folder, last, "b-2")
    for name in ("a-2", "a-3", "b-4", "a-0", "a", "", "a-01", "../x-1", "a-1\n", "a-99999999"):
        assert not is_published(folder, last, name)


def test_a_move_without_removals_can_be_read(folder: Location) -> None:
    move = serialize(Move(1, "a-1", None, "2026-01-01", "publish", "x"))
    assert isinstance(move, dict)
    del move["oldest"], move["kept"]
    folder.store.create(f"{folder.key}/99999999.json", json.dumps(move).encode())
    assert [(move.oldest, move.kept) for move in read_moves(folder)] == [(1, ())]


@on_both
def test_one_of_many_concurrent_moves_succeeds(folder: Location) -> None:
    with ThreadPoolExecutor(8) as pool:
        moved = list(
            pool.map(lambda n: append_move(folder, None, f"r{n}-1", "publish", "run"), range(8))
        )
    assert moved.count(True) == 1
    assert [move.release for move in read_moves(folder)] == [f"r{moved.index(True)}-1"]


def test_drafts_of_killed_writers_and_other_files_do_not_count(
    folder: Location, publish: Callable[..., Move]
) -> None:
    publish()
    (folder.local() / ".99999998.json.deadbeef").write_text("{", encoding="utf-8")
    (folder.local() / ".keep").touch()
    (folder.local() / "1.json").touch()
    assert len(read_moves(folder)) == 1


@on_both
def test_a_gap_between_moves_is_an_error(folder: Location, publish: Callable[..., Move]) -> None:
    for _ in range(3):
        publish()
    (folder / "99999998.json").remove()
    with pytest.raises(LakeError, match="has no move 2, which leaves a gap"):
        read_moves(folder)


def test_a_move_under_the_name_of_another_is_an_error(
    folder: Location, publish: Callable[..., Move]
) -> None:
    write_once(folder / "99999998.json", publish())
    with pytest.raises(LakeError, match="is move 1; its name is that of move 2"):
        last_move(folder)
