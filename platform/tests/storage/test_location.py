from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.storage import DiskStore, Location, Store


@pytest.fixture
def root(store: Store) -> Location:
    return Location(store, "")


def test_places_are_joined_and_named(root: Location) -> None:
    place = root / "a" / "b/c.txt"
    assert (place.key, place.name) == ("a/b/c.txt", "c.txt")
    assert (root / "a").name == "a"
    assert root.name == ""
    assert place == Location(root.store, "a/b/c.txt")
    assert len({place, Location(root.store, "a/b/c.txt"), root}) == 2


def test_it_does_what_its_store_does(root: Location) -> None:
    place = root / "a" / "x.txt"
    assert (place.find(), (root / "a").names(), list(root.walk())) == (None, (), [])
    with place.writing() as path:
        path.write_text("content")
    found = place.find()
    assert found is not None
    assert (found.key, found.bytes) == ("a/x.txt", 7)
    assert place.local().read_text() == "content"
    assert (root.names(), (root / "a").names()) == (("a",), ("x.txt",))
    assert [stored.key for stored in root.walk()] == ["a/x.txt"]
    assert place.local().is_relative_to((root / "a").local_folder())
    assert place.address == root.store.address("a/x.txt")
    place.remove()
    assert place.find() is None


def test_two_stores_are_two_places() -> None:
    one, two = (Location(DiskStore(Path(name)), "x") for name in ("/a", "/b"))
    assert one != two
