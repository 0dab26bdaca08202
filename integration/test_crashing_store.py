"""A crashing store does what its store does, until a fault acts at one of its operations."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults.crashing_store import CrashingStore, OperationFault, Operations, strike

from isthmus_platform.storage import DiskStore


def crashing(root: Path, fault: OperationFault | None) -> tuple[CrashingStore, Operations]:
    operations = Operations(fault, lambda due: strike(due, root / "acted", root / "go-on"))
    return CrashingStore(DiskStore(root / "store"), operations), operations


def test_without_a_fault_it_does_what_its_store_does_and_counts(tmp_path: Path) -> None:
    store, operations = crashing(tmp_path, None)
    store.create("a/1.json", b"one")
    with store.writing("a/2.txt") as path:
        path.write_text("two")
    assert store.read("a/1.json") == b"one"
    assert store.names("a") == ("1.json", "2.txt")
    assert sorted(file.key for file in store.walk("a")) == ["a/1.json", "a/2.txt"]
    store.remove("a/2.txt")
    assert store.find("a/2.txt") is None
    assert store.options == {}
    counted = {"create": 1, "write": 1, "commit": 1, "read": 1, "list": 2, "delete": 1, "find": 1}
    assert operations.counts == counted


@pytest.mark.parametrize(("moment", "there"), [("before", False), ("after", True)])
def test_it_fails_once_at_the_nth_operation_on_a_path(
    tmp_path: Path, moment: str, there: bool
) -> None:
    fault = OperationFault("fail", "create", "*/b*", 2, moment=moment)  # type: ignore[arg-type]
    store, _ = crashing(tmp_path, fault)
    store.create("a/b1", b"")
    store.create("a/c", b"")
    with pytest.raises(OSError, match="as was planned") as caught:
        store.create("a/b2", b"")
    assert caught.value.errno == errno.EIO
    assert (store.find("a/b2") is not None) == there
    store.create("a/b3", b"")
    assert (tmp_path / "acted").exists()


def test_a_share_is_a_number_among_the_operations_of_an_undisturbed_task() -> None:
    counts = {"read": 10, "open": 4}
    assert OperationFault("kill", "read", share=0.99).among(counts).number == 10
    assert OperationFault("kill", "read", share=0.0).among(counts).number == 1
    replaced = OperationFault("fail", "delete", share=0.9).among(counts)
    assert (replaced.kind, replaced.number) == ("read", 10)


@pytest.mark.parametrize("fault", ['"kill", "commit", "*", 1', '"kill", "os.link", "*", 1'])
def test_it_kills_its_process_at_an_operation_on_the_store_or_on_files(
    tmp_path: Path, fault: str
) -> None:
    program = f"""
from pathlib import Path
from faults.crashing_store import CrashingStore, OperationFault, Operations, strike
from isthmus_platform.storage import DiskStore
root = Path({str(tmp_path)!r})
act = lambda fault: strike(fault, root / "acted", root / "go-on")
operations = Operations(OperationFault({fault}), act)
operations.watch_files(root / "store")
store = CrashingStore(DiskStore(root / "store"), operations)
with store.writing("a") as path:
    path.write_text("a")
store.create("b", b"b")
"""
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", program], env=path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "acted").exists()
    assert not (tmp_path / "store" / "b").exists()
