from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus_platform.errors import SpoolError
from isthmus_platform.lake.takeover import survey, take_over

CONTENT = b"a model" * 1000


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    spool = tmp_path / "spool"
    (spool / "a" / "b").mkdir(parents=True)
    (spool / "a" / "b" / "model.bin").write_bytes(CONTENT)
    return spool


@pytest.fixture
def hashing() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def test_plain_files_are_found(spool: Path) -> None:
    (spool / "top.html").touch()
    assert survey(spool) == ({"top.html", "a/b/model.bin"}, ())


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "'x' is a link"),
        (lambda path: path.symlink_to("/etc"), "'x' is a link"),
        (lambda path: path.symlink_to("nowhere"), "'x' is a link"),
        (os.mkfifo, "'x' is no plain file"),
    ],
)
def test_everything_else_is_a_problem(
    spool: Path, make: Callable[[Path], None], problem: str
) -> None:
    make(spool / "x")
    assert survey(spool) == ({"a/b/model.bin"}, (problem,))


def test_a_second_name_of_a_file_is_a_link(spool: Path, tmp_path: Path) -> None:
    os.link(spool / "a" / "b" / "model.bin", tmp_path / "kept for later")
    assert survey(spool) == (frozenset(), ("'a/b/model.bin' is a link",))


def test_a_spool_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    files, (problem,) = survey(tmp_path / "gone")
    assert not files
    assert problem.startswith("it cannot be listed")


def test_a_file_is_copied_and_hashed(spool: Path, tmp_path: Path, hashing: Executor) -> None:
    source, target = spool / "a" / "b" / "model.bin", tmp_path / "taken"
    taken = take_over(spool, "a/b/model.bin", target, hashing).result()
    assert (taken.bytes, taken.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert target.read_bytes() == CONTENT
    assert target.stat().st_ino != source.stat().st_ino


def test_what_is_hashed_beside_is_the_whole_copy(tmp_path: Path, hashing: Executor) -> None:
    content = os.urandom(1 << 20) * 30
    (tmp_path / "file").write_bytes(content)
    taken = take_over(tmp_path, "file", tmp_path / "taken", hashing).result()
    assert (taken.bytes, taken.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_whoever_still_has_the_staged_file_open_cannot_change_what_was_taken(
    spool: Path, tmp_path: Path, hashing: Executor
) -> None:
    with (spool / "a" / "b" / "model.bin").open("r+b") as held:
        take_over(spool, "a/b/model.bin", tmp_path / "taken", hashing)
        held.write(b"EVIL")
    assert (tmp_path / "taken").read_bytes() == CONTENT


def test_a_spool_that_became_a_link_is_refused(
    spool: Path, tmp_path: Path, hashing: Executor
) -> None:
    link = tmp_path / "link"
    link.symlink_to(spool)
    assert survey(link) == (frozenset(), ("it is a link itself",))
    with pytest.raises(SpoolError, match="cannot be opened: Not a directory"):
        take_over(link, "a/b/model.bin", tmp_path / "taken", hashing)


def test_a_link_put_there_after_the_survey_is_not_followed(
    spool: Path, tmp_path: Path, hashing: Executor
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "model.bin").write_text("secret", encoding="utf-8")
    survey(spool)
    (spool / "a" / "b").rename(spool / "a" / "c")
    (spool / "a" / "b").symlink_to(secret)
    with pytest.raises(SpoolError, match="cannot be opened: Not a directory"):
        take_over(spool, "a/b/model.bin", tmp_path / "taken", hashing)
    assert (secret / "model.bin").exists()


def test_a_file_that_became_a_link_is_not_followed(
    spool: Path, tmp_path: Path, hashing: Executor
) -> None:
    (spool / "link").symlink_to(spool / "a" / "b" / "model.bin")
    with pytest.raises(SpoolError, match="Too many levels of symbolic links"):
        take_over(spool, "link", tmp_path / "taken", hashing)


@pytest.mark.parametrize(
    ("name", "problem"), [("gone", "No such file or directory"), ("a/b", "Is a directory")]
)
def test_what_became_no_file_is_refused(
    spool: Path, tmp_path: Path, name: str, problem: str, hashing: Executor
) -> None:
    with pytest.raises(SpoolError, match=f"'{name}' cannot be opened: {problem}"):
        take_over(spool, name, tmp_path / "taken", hashing)


@pytest.mark.parametrize("kind", ["second name", "pipe"])
def test_what_became_no_plain_file_is_refused(
    spool: Path, tmp_path: Path, kind: str, hashing: Executor
) -> None:
    if kind == "pipe":
        os.mkfifo(spool / "x")
    else:
        os.link(spool / "a" / "b" / "model.bin", spool / "x")
    with pytest.raises(SpoolError, match="'x' is a link or no plain file"):
        take_over(spool, "x", tmp_path / "taken", hashing)


def test_no_more_is_copied_than_is_asked_for(
    spool: Path, tmp_path: Path, hashing: Executor
) -> None:
    (spool / "file").write_bytes(bytes(10))
    take_over(spool, "file", tmp_path / "whole", hashing, 10)
    assert (tmp_path / "whole").stat().st_size == 10
    with pytest.raises(SpoolError, match="'file' is larger than 9 bytes"):
        take_over(spool, "file", tmp_path / "taken", hashing, 9)
    assert (tmp_path / "taken").stat().st_size == 0


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_file_that_holds_more_than_it_said_comes_to_an_end(
    tmp_path: Path, hashing: Executor
) -> None:
    with pytest.raises(SpoolError, match="'maps' is larger than 20 bytes"):
        take_over(Path("/proc", str(os.getpid())), "maps", tmp_path / "taken", hashing, 20)
