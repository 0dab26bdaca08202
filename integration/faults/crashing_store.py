"""A store that crashes, fails or waits at an operation, and the same for operations on files.

Both count what a process does, by kind; so a fault names no function of the product.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from isthmus_platform.storage import Store

STORE_OPERATIONS = (
    *("read", "find", "list", "create", "write", "commit", "delete", "flush", "fetch", "address"),
)
"""What a task does with the lake's store; `commit` is the end of a `write`."""
FILE_OPERATIONS = (
    *("open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.scandir", "os.chmod"),
    *("shutil.rmtree", "subprocess.Popen"),
)
"""What it does with files in its case's folder, by the names of Python's audit events."""
_OPERATION_OF = {
    "address": "address",
    "create": "create",
    "read": "read",
    "find": "find",
    "names": "list",
    "ordered_names": "list",
    "walk": "list",
    "drafts": "list",
    "remove": "delete",
    "flush": "flush",
    "local": "fetch",
}
"""The kinds of operation that a store's methods are, apart from `writing`."""


@dataclass(frozen=True, slots=True)
class OperationFault:
    """Act before or after the n-th operation of a kind on a path that matches `path`.

    Without a number, `share` selects one of the operations of an undisturbed task. A kill may come
    some `seconds` later.
    """

    action: Literal["kill", "pause", "fail", "slow", "tear", "truncate", "flip"]
    kind: str
    path: str = "*"
    number: int = 0
    share: float = 0.0
    moment: Literal["before", "after"] = "before"
    seconds: float = 0.0
    choice: int = 0

    def among(self, counts: Mapping[str, int]) -> OperationFault:
        """Return the fault with its number; replace a kind that never happens."""
        if self.number:
            return self
        kinds = sorted(kind for kind in counts if self.action != "fail" or kind in STORE_OPERATIONS)
        kind = self.kind if self.kind in kinds else kinds[int(self.share * len(kinds))]
        return replace(self, kind=kind, number=1 + int(self.share * counts[kind]))


class Operations:
    """Count a process's operations by kind, and `act` before or after that of the fault, once."""

    def __init__(self, fault: OperationFault | None, act: Callable[[OperationFault], None]) -> None:
        self.counts = Counter[str]()
        self._fault, self._act, self._matching = fault, act, 0
        self._lock = threading.Lock()
        self._ended = False

    @contextmanager
    def during(self, kind: str, path: str) -> Iterator[None]:
        """Count the operation in the block; act before or after it."""
        fault = self._fault if self._is_next(kind, path) else None
        if fault is not None and fault.moment == "before":
            self._act(fault)
        yield
        if fault is not None and fault.moment == "after":
            self._act(fault)

    def watch_files(self, folder: Path) -> None:
        """Count this process's operations on files below a folder too, from now on."""
        below = f"{folder}/"

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event not in FILE_OPERATIONS or self._ended or isinstance(arguments[0], int):
                return
            path = "" if event == "subprocess.Popen" else str(arguments[0])
            if path.startswith(below) or not path.startswith("/"):
                with self.during(event, path.removeprefix(below)):
                    pass

        sys.addaudithook(watch)

    def end(self) -> None:
        """Count nothing any more."""
        self._ended = True

    def _is_next(self, kind: str, path: str) -> bool:
        if self._ended:
            return False
        with self._lock:
            self.counts[kind] += 1
            fault = self._fault
            if fault is None or fault.kind != kind or not fnmatch(path, fault.path):
                return False
            self._matching += 1
            self._ended = self._matching == fault.number
            return self._ended


class CrashingStore:
    """Wrap a store, and count its operations; a fault acts at one of them."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store, self._during = store, operations.during

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any member of the store
        member = getattr(self._store, name)
        if name not in _OPERATION_OF:
            return member

        def operate(key: str, *rest: object) -> object:
            with self._during(_OPERATION_OF[name], key):
                return member(key, *rest)

        return operate

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Give a path for a new file."""
        with self._during("write", key), self._store.writing(key) as path:
            yield path
            with self._during("commit", key):  # written, and neither durable nor closed
                pass


def strike(fault: OperationFault, acted: Path, go_on: Path) -> None:
    """Apply a fault to this process, and create the file `acted` as a sign."""

    def kill() -> None:
        acted.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    if fault.action == "kill":
        if fault.seconds:
            threading.Timer(fault.seconds, kill).start()
            return
        kill()
    acted.touch()
    if fault.action == "fail":
        raise OSError(errno.EIO, "the store fails, as was planned", fault.kind)
    if fault.action == "slow":
        time.sleep(fault.seconds)
    deadline = time.monotonic() + 60
    while fault.action == "pause" and not go_on.exists() and time.monotonic() < deadline:
        time.sleep(0.005)


def spoil(path: Path, how: str, chance: random.Random) -> None:
    """Truncate a file, or flip one of its bits."""
    content = bytearray(path.read_bytes())
    if how == "truncate":
        os.truncate(path, chance.randrange(len(content)))
        return
    bit = chance.randrange(len(content) * 8)
    content[bit // 8] ^= 1 << bit % 8
    with path.open("r+b") as file:
        file.write(content)
