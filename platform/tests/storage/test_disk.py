from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from isthmus_platform.storage import DiskStore, disk, local_files

DRAFT = f".x.json.{'a' * 32}"
CREATING = """
import json, sys
from pathlib import Path
from isthmus_platform.storage import DiskStore
store, created = DiskStore(Path(sys.argv[1])), []
sys.stdin.readline()
for number in range(200):
    try:
        store.create(f"folder/{number}", sys.argv[2].encode())
    except FileExistsError:
        continue
    created.append(number)
print(json.dumps(created))
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from isthmus_platform.storage import DiskStore, disk
disk.os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
DiskStore(Path(sys.argv[1])).create("a/x.json", b"content")
"""


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path)


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    command, pipe = [sys.executable, "-c", code, *arguments], subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def test_of_many_processes_at_once_each_file_is_created_by_one(store: DiskStore) -> None:
    processes = [start(CREATING, str(store.root), str(number)) for number in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    created = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert sorted(chain.from_iterable(created)) == list(range(200))
    for number, mine in enumerate(created):
        assert all(store.read(f"folder/{name}") == str(number).encode() for name in mine)
    assert len(list((store.root / "folder").iterdir())) == 200


def test_a_killed_writer_leaves_a_draft_that_is_not_listed(store: DiskStore) -> None:
    with start(KILLED, str(store.root)) as process:
        assert process.wait(30) == -signal.SIGKILL
    assert store.find("a/x.json") is None
    assert store.names("a") == ()
    (draft,) = store.drafts("a")
    assert store.read(draft.key) == b"content"
    store.create("a/x.json", b"again")
    assert store.names("a") == ("x.json",)
    store.remove(draft.key)
    assert list(store.drafts("a")) == []


def test_only_what_is_named_as_a_draft_is_one(store: DiskStore) -> None:
    for name in (DRAFT, ".nfs0001", "x.json", f"{DRAFT}b"):
        (store.root / name).touch()
    assert [draft.key for draft in DiskStore(store.root.parent).drafts(store.root.name)] == [
        f"{store.root.name}/{DRAFT}"
    ]
    assert DRAFT not in store.names("")


def test_a_link_and_a_pipe_are_not_files(store: DiskStore, tmp_path: Path) -> None:
    store.create("a/x", b"")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "x")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert [file.key for file in store.walk("")] == ["a/x"]
    assert all(store.find(name) is None for name in ("a/link", "loop", "pipe"))


def test_the_names_of_new_directories_reach_the_disk_too(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(local_files, "flush", flushed.append)
    store.create("a/b/pin.json", b"")
    *directories, draft, folder = flushed
    assert [*directories, folder] == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert (draft.parent, draft.name[:10]) == (folder, ".pin.json.")
    store.create("a/b/other.json", b"")
    assert [path.name[:11] for path in flushed[4:]] == [".other.json", "b"]


def test_what_was_written_reaches_the_disk_before_it_is_kept(
    store: DiskStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    with store.writing("a/x") as path:
        path.touch()
        monkeypatch.setattr(disk, "flush", flushed.append)
    assert flushed == [tmp_path / "a" / "x", tmp_path / "a"]
    store.flush("a/x")
    assert flushed[2:] == [tmp_path / "a" / "x", tmp_path / "a", tmp_path]


def test_a_path_that_cannot_be_read_is_an_error_and_not_absent(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    store = DiskStore(file)
    assert store.find("x") is None
    with pytest.raises(NotADirectoryError):
        store.read("x")
    with pytest.raises(FileExistsError):
        store.create("x", b"")


def test_the_address_is_a_file_uri_that_is_encoded(store: DiskStore, tmp_path: Path) -> None:
    assert store.address("a b/ü") == f"{tmp_path.as_uri()}/a%20b/%C3%BC"
    assert store.address("") == tmp_path.as_uri()
    assert store.options == {}
