from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from isthmus_transforms.runtime.checkpoints import store
from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore
from isthmus_transforms.runtime.codecs import DigestWriter, NotSavableError, register

pytestmark = pytest.mark.slow

A, B, C = (hashlib.sha256(content).hexdigest() for content in (b"a", b"b", b"c"))


@pytest.fixture
def results(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "results", 10_000_000, 3600)


def _only_file(results: CheckpointStore) -> Path:
    (path,) = results.directory.glob("*.checkpoint")
    return path


def test_a_saved_result_is_the_only_one_that_is_loaded(results: CheckpointStore) -> None:
    assert A not in results.saved()
    assert results.load(A) is MISSING
    written = results.save(A, {"a": [1, None]})
    file = _only_file(results)
    assert written == (file.name, file.stat().st_size)
    assert A in results.saved()
    assert results.load(A) == {"a": [1, None]}
    assert results.load(B) is MISSING
    assert {path.suffix for path in results.directory.iterdir()} == {".checkpoint", ""}


def test_none_is_a_value(results: CheckpointStore) -> None:
    results.save(A, None)
    assert results.load(A) is None


def test_a_flipped_bit_is_detected_and_the_file_is_deleted(results: CheckpointStore) -> None:
    results.save(A, b"some bytes")
    path = _only_file(results)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert results.load(A) is MISSING
        assert not path.exists()


@pytest.mark.parametrize("length", [0, 5, 300, 332, -1])
def test_a_truncated_file_is_not_used(results: CheckpointStore, length: int) -> None:
    results.save(A, b"some bytes")
    path = _only_file(results)
    path.write_bytes(path.read_bytes()[:length])
    assert results.load(A) is MISSING
    assert not path.exists()


def test_a_longer_a_foreign_and_a_renamed_file_are_not_used(results: CheckpointStore) -> None:
    results.save(A, b"some bytes")
    path = _only_file(results)
    good = path.read_bytes()
    path.rename(results.directory / f"{B}.checkpoint")
    assert results.load(B) is MISSING
    for content in (good + b"x", b"\x80\x04K\x01.", os.urandom(1000)):
        path.write_bytes(content)
        assert results.load(A) is MISSING


def test_a_file_of_an_older_format_is_not_used(
    results: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.save(A, 1)
    monkeypatch.setattr(store, "_MAGIC", b"ISTHMUS3")
    assert results.load(A) is MISSING


class Thing:
    def __init__(self, number: int) -> None:
        self.number = number


class ThingCodec:
    def write(self, value: object, file: object) -> None:
        if value.number < 0:  # type: ignore[attr-defined]
            raise ZeroDivisionError("less than nothing")
        file.write(bytes([value.number]))  # type: ignore[attr-defined]

    def read(self, file: object) -> object:
        number = file.read()[0]  # type: ignore[attr-defined]
        return Thing(1 // (number - 7) and number)


def test_authors_register_their_own_codecs(results: CheckpointStore) -> None:
    register(Thing, ThingCodec())
    results.save(A, Thing(9))
    found = results.load(A)
    assert isinstance(found, Thing)
    results.save(B, Thing(7))
    assert results.load(B) is MISSING  # its codec raises
    with pytest.raises(NotSavableError, match="less than nothing"):
        results.save(C, Thing(-1))
    assert not list(results.directory.glob("*.part"))

    class Other(Thing):
        pass

    with pytest.raises(NotSavableError, match="no codec"):
        results.save(C, Other(1))


def test_a_full_disk_or_a_forbidden_folder_is_reported_and_nothing_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotSavableError, match="cannot be written"):
        CheckpointStore(tmp_path / "file", 10_000, 60).save(A, 1)
    results = CheckpointStore(tmp_path / "results", 10_000, 60)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DigestWriter, "write", full)
    with pytest.raises(NotSavableError, match="No space left"):
        results.save(A, b"x")
    assert not list(results.directory.iterdir())


def test_the_least_recently_used_result_is_deleted_first(tmp_path: Path) -> None:
    results = CheckpointStore(tmp_path, 3_000, 3600)
    for age, name in ((30, A), (20, B)):
        results.save(name, bytes(800))
        used = time.time() - age
        os.utime(tmp_path / f"{name}.checkpoint", (used, used))
    results.load(A)  # a use counts
    results.save(C, bytes(800))
    assert results.saved() == {A, C}
    with pytest.raises(NotSavableError, match="larger"):
        results.save(B, bytes(5_000))


def test_old_results_and_abandoned_partial_files_are_deleted(tmp_path: Path) -> None:
    results = CheckpointStore(tmp_path, 1_000_000, 60)
    results.save(A, 1)
    fresh, old = tmp_path / "1.part", tmp_path / "2.part"
    fresh.touch()
    old.touch()
    (tmp_path / "notes.txt").touch()
    hours_ago = time.time() - 2 * 3600
    for path in (old, tmp_path / f"{A}.checkpoint", tmp_path / "notes.txt"):
        os.utime(path, (hours_ago, hours_ago))
    results.prune()
    assert {path.name for path in tmp_path.iterdir()} == {"1.part", "notes.txt", ".lock"}


WORKER = """
    import hashlib, random, sys
    from pathlib import Path
    import numpy as np
    from isthmus_transforms.runtime.checkpoints.store import MISSING, CheckpointStore
    results = CheckpointStore(Path(sys.argv[1]), 400_000, 3600)
    chance, hits = random.Random(int(sys.argv[2])), 0
    for _ in range(300):
        number = chance.randrange(8)
        name = hashlib.sha256(bytes([number])).hexdigest()
        found = results.load(name)
        if found is MISSING:
            results.save(name, np.full(10_000, number, "float64"))
        else:
            hits += 1
            assert found.shape == (10_000,) and (found == number).all()
    assert hits
"""
KILLED = """
    import sys
    from pathlib import Path
    from isthmus_transforms.runtime.checkpoints.store import CheckpointStore
    from isthmus_transforms.runtime.codecs import register
    class Slow:
        def write(self, value, file):
            file.write(bytes(100_000))
            file.flush()
            print("writing", flush=True)
            sys.stdin.read()
    register(set, Slow())
    CheckpointStore(Path(sys.argv[1]), 1_000_000, 3600).save(sys.argv[2], set())
"""


def _start(source: str, *arguments: str, **options: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(source), *arguments]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload,no-any-return]


def test_concurrent_processes_never_see_a_wrong_value(tmp_path: Path) -> None:
    workers = [_start(WORKER, str(tmp_path), str(seed)) for seed in range(3)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    assert not list(tmp_path.glob("*.part"))
    sizes = [path.stat().st_size for path in tmp_path.glob("*.checkpoint")]
    assert sizes
    CheckpointStore(tmp_path, 400_000, 3600).prune()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.checkpoint")) <= 400_000


def test_a_process_killed_during_a_write_leaves_no_result(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with _start(KILLED, str(tmp_path), A, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    results = CheckpointStore(tmp_path, 1_000_000, 3600)
    assert len(list(tmp_path.glob("*.part"))) == 1
    assert A not in results.saved()
    assert results.load(A) is MISSING
    results.save(A, np.float64(1))
    assert results.load(A) == 1
