from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus_platform.errors import StagingError
from isthmus_platform.lake.intake.safe_copy import safe_copy, scan

CONTENT = b"a model" * 1000


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    staging = tmp_path / "staging"
    (staging / "a" / "b").mkdir(parents=True)
    (staging / "a" / "b" / "model.bin").write_bytes(CONTENT)
    return staging


@pytest.fixture
def hashing() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def test_plain_files_are_found(staging: Path) -> None:
    (staging / "top.html").touch()
    assert scan(staging) == ({"top.html", "a/b/model.bin"}, ())


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "'x' is a link"),
        (lambda path: path.symlink_to("/etc"), "'x' is a link"),
        (lambda path: path.symlink_to("nowhere"), "'x' is a link"),
        (os.mkfifo, "'x' is not a regular file"),
    ],
)
def test_everything_else_is_a_problem(
    staging: Path, make: Callable[[Path], None], problem: str
) -> None:
    make(staging / "x")
    assert scan(staging) == ({"a/b/model.bin"}, (problem,))


def test_a_second_name_of_a_file_is_a_link(staging: Path, tmp_path: Path) -> None:
    os.link(staging / "a" / "b" / "model.bin", tmp_path / "kept for later")
    assert scan(staging) == (frozenset(), ("'a/b/model.bin' is a link",))


def test_a_staging_directory_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    files, (problem,) = scan(tmp_path / "gone")
    assert not files
    assert problem.startswith("it cannot be listed")


def test_a_file_is_copied_and_hashed(staging: Path, tmp_path: Path, hashing: Executor) -> None:
    source, target = staging / "a" / "b" / "model.bin", tmp_path / "copied"
    copied = safe_copy(staging, "a/b/model.bin", target, hashing).result()
    assert (copied.bytes, copied.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert target.read_bytes() == CONTENT
    assert target.stat().st_ino != source.stat().st_ino


def test_what_is_hashed_beside_is_the_whole_copy(tmp_path: Path, hashing: Executor) -> None:
    content = os.urandom(1 << 20) * 30
    (tmp_path / "file").write_bytes(content)
    copied = safe_copy(tmp_path, "file", tmp_path / "copied", hashing).result()
    assert (copied.bytes, copied.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_whoever_still_has_the_staged_file_open_cannot_change_what_was_taken(
    staging: Path, tmp_path: Path, hashing: Executor
) -> None:
    with (staging / "a" / "b" / "model.bin").open("r+b") as held:
        safe_copy(staging, "a/b/model.bin", tmp_path / "copied", hashing)
        held.write(b"EVIL")
    assert (tmp_path / "copied").read_bytes() == CONTENT


def test_a_staging_directory_that_became_a_link_is_refused(
    staging: Path, tmp_path: Path, hashing: Executor
) -> None:
    link = tmp_path / "link"
    link.symlink_to(staging)
    assert scan(link) == (frozenset(), ("it is a link itself",))
    with pytest.raises(StagingError, match="cannot be opened: Not a directory"):
        safe_copy(link, "a/b/model.bin", tmp_path / "copied", hashing)


def test_a_link_put_there_after_the_survey_is_not_followed(
    staging: Path, tmp_path: Path, hashing: Executor
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "model.bin").write_text("secret", encoding="utf-8")
    scan(staging)
    (staging / "a" / "b").rename(staging / "a" / "c")
    (staging / "a" / "b").symlink_to(secret)
    with pytest.raises(StagingError, match="cannot be opened: Not a directory"):
        safe_copy(staging, "a/b/model.bin", tmp_path / "copied", hashing)
    assert (secret / "model.bin").exists()


def test_a_file_that_became_a_link_is_not_followed(
    staging: Path, tmp_path: Path, hashing: Executor
) -> None:
    (staging / "link").symlink_to(staging / "a" / "b" / "model.bin")
    with pytest.raises(StagingError, match="Too many levels of symbolic links"):
        safe_copy(staging, "link", tmp_path / "copied", hashing)


@pytest.mark.parametrize(
    ("name", "problem"), [("gone", "No such file or directory"), ("a/b", "Is a directory")]
)
def test_what_became_no_file_is_refused(
    staging: Path, tmp_path: Path, name: str, problem: str, hashing: Executor
) -> None:
    with pytest.raises(StagingError, match=f"'{name}' cannot be opened: {problem}"):
        safe_copy(staging, name, tmp_path / "copied", hashing)


@pytest.mark.parametrize("kind", ["second name", "pipe"])
def test_what_became_no_plain_file_is_refused(
    staging: Path, tmp_path: Path, kind: str, hashing: Executor
) -> None:
    if kind == "pipe":
        os.mkfifo(staging / "x")
    else:
        os.link(staging / "a" / "b" / "model.bin", staging / "x")
    with pytest.raises(StagingError, match="'x' is a link or not a regular file"):
        safe_copy(staging, "x", tmp_path / "copied", hashing)


def test_no_more_is_copied_than_is_asked_for(
    staging: Path, tmp_path: Path, hashing: Executor
) -> None:
    (staging / "file").write_bytes(bytes(10))
    safe_copy(staging, "file", tmp_path / "whole", hashing, 10)
    assert (tmp_path / "whole").stat().st_size == 10
    with pytest.raises(StagingError, match="'file' is larger than 9 bytes"):
        safe_copy(staging, "file", tmp_path / "copied", hashing, 9)
    assert (tmp_path / "copied").stat().st_size == 0


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_a_file_that_holds_more_than_it_said_comes_to_an_end(
    tmp_path: Path, hashing: Executor
) -> None:
    with pytest.raises(StagingError, match="'maps' is larger than 20 bytes"):
        safe_copy(Path("/proc", str(os.getpid())), "maps", tmp_path / "copied", hashing, 20)
