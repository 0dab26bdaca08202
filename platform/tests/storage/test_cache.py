from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus_platform.storage.cache import Cache

DAY = 24 * 3600
COPYING = """
import sys, time
from pathlib import Path
from isthmus_platform.storage.cache import Cache
def slowly(path):
    with path.open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 1000)
            file.flush()
            time.sleep(0.005)
for number in range(5):
    copy = Cache(Path(sys.argv[1]), 10**9).copy(f"s3://b/{number}.bin", slowly)
    assert copy.read_bytes() == b"x" * 20_000, copy
"""


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 1000)


def writes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def unused(path: Path) -> None:
    raise AssertionError(path)


def files_in(cache: Cache) -> list[Path]:
    return [path for path in cache.root.rglob("*") if path.is_file()]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_every_user_may_enter_the_directory_of_the_copies(cache: Cache) -> None:
    before = os.umask(0o077)
    try:
        directory = cache.directory()
    finally:
        os.umask(before)
    for path in (directory, directory.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert cache.copy("s3://b/x.parquet", writes(b"content")).is_relative_to(directory)


class TestCopy:
    def test_it_is_made_once(self, cache: Cache) -> None:
        first = cache.copy("s3://b/x.parquet", writes(b"content"))
        assert first.read_bytes() == b"content"
        assert cache.copy("s3://b/x.parquet", unused) == first

    def test_each_address_has_its_own_and_keeps_its_suffix(self, cache: Cache) -> None:
        names = ["s3://b/x.parquet", "s3://b/y.parquet", "s3://c/x.parquet", "s3://b/x"]
        copies = [cache.copy(name, writes(name.encode())) for name in names]
        assert [copy.read_text() for copy in copies] == names
        assert [copy.suffix for copy in copies] == [".parquet", ".parquet", ".parquet", ""]

    def test_every_user_may_read_and_none_write_a_copy(self, cache: Cache) -> None:
        copy = cache.copy("s3://b/x", writes(b""))
        assert stat.S_IMODE(copy.stat().st_mode) == 0o444
        folders = [parent for parent in copy.parents if parent.is_relative_to(cache.root)]
        assert [stat.S_IMODE(folder.stat().st_mode) & 0o055 for folder in folders] == [0o055] * 3

    def test_everybody_may_even_where_new_files_are_private(self, cache: Cache) -> None:
        mask = os.umask(0o077)
        try:
            copy = cache.copy("s3://b/x", writes(b""))
        finally:
            os.umask(mask)
        folders = [parent for parent in copy.parents if parent.is_relative_to(cache.root)]
        assert [stat.S_IMODE(folder.stat().st_mode) & 0o055 for folder in folders] == [0o055] * 3

    @pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
    def test_a_download_that_breaks_off_leaves_nothing(
        self, cache: Cache, error: type[BaseException]
    ) -> None:
        def breaking(path: Path) -> None:
            path.write_bytes(b"half")
            raise error

        with pytest.raises(error):
            cache.copy("s3://b/x", breaking)
        assert files_in(cache) == []
        assert cache.copy("s3://b/x", writes(b"whole")).read_bytes() == b"whole"

    def test_many_at_once_see_whole_copies(self, cache: Cache) -> None:
        def slowly(path: Path) -> None:
            with path.open("wb") as file:
                for _ in range(10):
                    file.write(b"x" * 10)
                    file.flush()
                    time.sleep(0.002)

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: cache.copy("s3://b/x", slowly).read_bytes(), range(8)))
        assert found == [b"x" * 100] * 8
        assert len(files_in(cache)) == 1

    def test_many_processes_at_once_see_whole_copies(self, cache: Cache) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", COPYING, str(cache.root)]
        processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        assert len(files_in(cache)) == 5


class TestLimit:
    def test_what_was_used_longest_ago_goes_first(self, cache: Cache) -> None:
        copies = [cache.copy(f"s3://b/{index}", writes(b"x" * 400)) for index in range(3)]
        for copy, days in zip(copies, (3, 5, 4), strict=True):
            age(copy, days * DAY)
        new = cache.copy("s3://b/new", writes(b"x" * 300))
        assert [copy.exists() for copy in (*copies, new)] == [True, False, False, True]

    def test_using_it_again_keeps_it(self, cache: Cache) -> None:
        old, older = (cache.copy(f"s3://b/{index}", writes(b"x" * 600)) for index in range(2))
        age(old, 3 * DAY), age(older, 5 * DAY)
        cache.copy("s3://b/1", unused)
        cache.copy("s3://b/new", writes(b"x"))
        assert (old.exists(), older.exists()) == (False, True)

    def test_what_was_used_within_a_day_stays_whatever_the_limit(self, cache: Cache) -> None:
        copies = [cache.copy(f"s3://b/{index}", writes(b"x" * 900)) for index in range(3)]
        age(copies[0], DAY - 60)
        cache.copy("s3://b/new", writes(b"x"))
        assert all(copy.exists() for copy in copies)

    def test_below_the_limit_everything_stays(self, cache: Cache) -> None:
        copy = cache.copy("s3://b/x", writes(b"x" * 900))
        age(copy, 100 * DAY)
        cache.copy("s3://b/new", writes(b"x" * 100))
        assert copy.exists()

    def test_what_the_killed_have_left_goes_after_a_week(self, cache: Cache) -> None:
        with cache.private() as directory:
            old = directory.with_name("writing-old")
            old.mkdir()
            (old / "half").touch()
            age(old, 8 * DAY)
            cache.copy("s3://b/x", writes(b""))
            assert (old.exists(), directory.exists()) == (False, True)

    def test_a_killed_download_is_removed_when_it_is_old(self, cache: Cache) -> None:
        part = cache.copy("s3://b/x", writes(b"")).with_name(".half")
        part.write_bytes(b"x" * 2000)
        cache.copy("s3://b/y", writes(b""))
        assert part.exists()
        age(part, 2 * DAY)
        cache.copy("s3://b/z", writes(b""))
        assert not part.exists()


class TestPrivate:
    def test_only_this_user_may_enter_and_it_is_gone_afterwards(self, cache: Cache) -> None:
        with cache.private() as directory, cache.private() as another:
            assert directory != another
            assert list(directory.iterdir()) == []
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            (directory / "x").touch()
        assert not directory.exists()

    def test_a_private_directory_is_removed_whatever_is_raised(self, cache: Cache) -> None:
        def fail() -> None:
            with cache.private() as directory:
                (directory / "x").touch()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        assert list(cache.root.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Cache(tmp_path / "file" / "cache", 1).copy("s3://b/x", unused)
