"""What every store does, whatever it keeps its files in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isthmus_platform.storage import Store

Put = Callable[..., None]
ODD = ("a b/ü/x%20y.txt", "a/b+c&d=#?.txt", "a/100%", "x*y", ".hidden", "dots..in/it")


class TestCreate:
    @pytest.mark.parametrize("key", ["plain", "deep/in/it.json", *ODD])
    def test_a_file_comes_back_under_its_key(self, store: Store, key: str) -> None:
        store.create(key, b"content")
        found = store.find(key)
        assert found is not None
        assert (found.key, found.bytes, store.read(key)) == (key, 7, b"content")
        assert abs(datetime.now(UTC) - found.modified) < timedelta(minutes=1)
        assert [stored.key for stored in store.walk("")] == [key]
        assert store.local(key).read_bytes() == b"content"

    def test_it_is_created_once(self, store: Store) -> None:
        store.create("a/x", b"first")
        with pytest.raises(FileExistsError) as refused:
            store.create("a/x", b"second")
        assert (refused.value.strerror is not None, store.read("a/x")) == (True, b"first")

    def test_it_may_be_empty(self, store: Store) -> None:
        store.create("empty", b"")
        assert store.read("empty") == b""

    def test_of_many_threads_at_once_one_creates_it(self, store: Store) -> None:
        def attempt(number: int) -> bool:
            try:
                store.create("folder/x", str(number).encode())
            except FileExistsError:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            created = list(pool.map(attempt, range(32)))
        assert created.count(True) == 1
        assert store.read("folder/x") == str(created.index(True)).encode()
        assert store.names("folder") == ("x",)


class TestLocalFolder:
    def test_it_exists_before_any_file_and_has_every_file_later(self, store: Store) -> None:
        folder = store.local_folder("a/b")
        assert folder.is_dir()
        assert folder.is_absolute()
        store.create("a/b/x", b"content")
        assert store.local("a/b/x").is_relative_to(folder)
        assert [stored.key for stored in store.walk("")] == ["a/b/x"]


class TestRead:
    def test_what_is_missing_is_reported(self, store: Store) -> None:
        store.create("a/x", b"")
        for key in ("y", "a/y", "a"):
            assert store.find(key) is None
        for key in ("y", "a/y"):
            with pytest.raises(FileNotFoundError) as missing:
                store.read(key)
            assert missing.value.strerror

    def test_names_are_those_directly_in_a_folder(self, store: Store, put: Put) -> None:
        put(store, "a/y", "a/x", "a/deep/z", "ab/w", "top")
        assert store.names("a") == ("deep", "x", "y")
        assert store.names("") == ("a", "ab", "top")
        assert store.names("a/deep") == ("z",)
        assert store.names("nothing") == store.names("a/x") == store.names("to") == ()

    def test_a_walk_finds_every_file_below_a_folder(self, store: Store, put: Put) -> None:
        put(store, "a/y", "a/x", "a/deep/er/z", "ab/w")
        assert sorted(stored.key for stored in store.walk("a")) == ["a/deep/er/z", "a/x", "a/y"]
        assert sorted(stored.key for stored in store.walk("")) == [
            "a/deep/er/z",
            "a/x",
            "a/y",
            "ab/w",
        ]
        assert [stored.bytes for stored in store.walk("a/deep")] == [len("a/deep/er/z")]
        assert list(store.walk("nothing")) == list(store.walk("a/x")) == []

    def test_no_store_starts_with_a_draft(self, store: Store) -> None:
        store.create("a/x", b"")
        assert list(store.drafts("a")) == list(store.drafts("nothing")) == []


class TestRemove:
    def test_it_is_gone_and_may_be_removed_again(self, store: Store, put: Put) -> None:
        put(store, "a/x", "a/y")
        for _ in range(2):
            store.remove("a/x")
            assert store.find("a/x") is None
        store.remove("a/never/was")
        assert store.names("a") == ("y",)

    def test_what_was_removed_may_be_created_again(self, store: Store) -> None:
        store.create("x", b"first")
        store.remove("x")
        store.create("x", b"second")
        assert store.read("x") == b"second"


class TestWriting:
    def test_what_is_written_is_kept_and_nobody_may_write_to_it(self, store: Store) -> None:
        with store.writing("a/x.bin") as path:
            path.write_bytes(b"con")
            with path.open("ab") as file:
                file.write(b"tent")
        assert store.read("a/x.bin") == b"content"
        assert store.local("a/x.bin").stat().st_mode & 0o222 == 0
        assert store.local("a/x.bin").suffix == ".bin"

    def test_a_large_file_is_kept_whole(self, store: Store) -> None:
        content = bytes(range(256)) * 80_000  # 20 MB, more than one part of an upload
        with store.writing("large") as path:
            path.write_bytes(content)
        assert store.local("large").read_bytes() == store.read("large") == content

    @pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
    def test_whatever_is_raised_leaves_nothing(
        self, store: Store, tmp_path: Path, error: type[BaseException]
    ) -> None:
        def fail() -> None:
            with store.writing("a/x") as path:
                path.write_bytes(b"half")
                raise error

        with pytest.raises(error):
            fail()
        assert store.find("a/x") is None
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_what_was_never_written_is_an_error(self, store: Store) -> None:
        with pytest.raises(FileNotFoundError), store.writing("a/x"):
            pass
        assert store.find("a/x") is None


def test_another_process_finds_it_by_its_local_path(store: Store) -> None:
    store.create("a/ü b.txt", b"content")
    code = "import sys; print(open(sys.argv[1]).read(), end='')"
    command = [sys.executable, "-c", code, str(store.local("a/ü b.txt"))]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b"content"


def test_the_address_says_the_key(store: Store) -> None:
    assert store.address("a/x").startswith(store.address(""))
    assert store.address("a/x").endswith("/a/x")
    assert not store.address("").endswith("/")
