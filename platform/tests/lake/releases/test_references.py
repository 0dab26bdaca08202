from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pyarrow as pa
import pytest

from isthmus_contracts import Column, DataflowContract, Table
from isthmus_platform.errors import LakeError
from isthmus_platform.lake.delta.tables import commit
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases.manifests import all_files
from isthmus_platform.lake.releases.models import Release, document_of
from isthmus_platform.lake.releases.pointer import append_removal, last_move
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.references import prepared, references, remaining

Published = Callable[..., Release]
NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))


def test_nothing_is_needed_of_an_empty_lake(lake: Lake) -> None:
    with references() as needed:
        needed.add(lake, {})
        assert "x" not in needed


def test_the_files_of_every_release_are_needed_and_those_of_old_ones_are_not(
    published: Published, lake: Lake, dataflow: DataflowContract
) -> None:
    old, kept = published("first"), published("second")
    with references() as needed:
        needed.add(lake, {dataflow.identity: frozenset({old.id})})
        assert all(file.key in needed for file in all_files(lake, kept))
        assert not any(file.key in needed for file in all_files(lake, old))
        needed.add(lake, {})
        assert all(file.key in needed for file in all_files(lake, old))


def test_the_versions_that_a_release_read_are_needed(
    accepted: Callable[..., Accepted], lake: Lake, dataflow: DataflowContract
) -> None:
    source = lake.source("nyc", "numbers")
    files = [write_table(source, NUMBERS, [pa.record_batch({"n": [n]})])[0] for n in (1, 2)]
    for file in files:
        commit(source, NUMBERS, [file], file.name)
    inputs = {"numbers": Pin(source.key, 1)}
    publish(lake, dataflow, accepted(), params={}, inputs=inputs)
    with references() as needed:
        needed.add(lake, {})
        assert [(source / file.name).key in needed for file in files] == [False, True]


def test_what_was_read_once_is_not_read_again(
    published: Published, counted: tuple[Lake, Counter[str]]
) -> None:
    published("first"), published("second")
    lake, counts = counted
    with references() as needed:
        needed.add(lake, {})
        once = counts["read"]
        needed.add(lake, {})
        assert counts["read"] - once == 2  # the moves
        assert once > 6  # and two releases, each with two manifests


def test_a_document_that_cannot_be_read_is_an_error(
    published: Published, lake: Lake, dataflow: DataflowContract
) -> None:
    place = document_of(lake, dataflow.identity, published().id)
    place.remove()
    place.store.create(place.key, b"{}")
    with references() as needed, pytest.raises(LakeError, match=r"1\.json"):
        needed.add(lake, {})


def test_a_release_remains_until_it_is_removed_or_its_number_is_taken(
    published: Published, lake: Lake, dataflow: DataflowContract
) -> None:
    identity = dataflow.identity
    assert list(remaining(lake, identity)) == []
    first, second = published("first"), published("second")
    for name in ("b-1", "b-2", "b-3", "c-3"):
        write_once(document_of(lake, identity, name), first)
    last = last_move(lake.pointer(identity))
    assert sorted(prepared(lake, identity, last)) == ["b-3", "c-3"]
    assert {*prepared(lake, identity, None)} >= {first.id, second.id, "b-1", "c-3"}
    assert sorted(remaining(lake, identity)) == sorted([first.id, second.id, "b-3", "c-3"])
    assert last is not None
    assert append_removal(lake.pointer(identity), last, 2, (), "eve")
    assert {*remaining(lake, identity)} == {second.id}
