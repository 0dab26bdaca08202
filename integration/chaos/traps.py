"""What happens within a task's process: a kill or a pause, spoiled files, another clock."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from glob import escape
from pathlib import Path
from types import ModuleType
from typing import Any

from isthmus_platform.lake import documents, releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.intake import acceptance, safe_copy
from isthmus_platform.lake.releases import garbage_collection, pointer, publication
from isthmus_platform.operators import ingest
from isthmus_platform.pipeline import end_of_life
from isthmus_platform.runners import process
from isthmus_platform.runs import record
from isthmus_platform.sources.sql import sql
from isthmus_platform.storage import disk

from .orders import Order, Trap

_LAKE = (
    acceptance,
    garbage_collection,
    documents,
    pointer,
    publication,
    releases,
    tables,
    safe_copy,
)
_MODULES = {each.__name__: each for each in (*_LAKE, disk, ingest, process, record, sql)}

_PAUSE_SECONDS = 60
_CLOCKS = (publication, pointer, garbage_collection, end_of_life)
_CAPABILITIES = (1, 2, 3)  # to override modes, to read in spite of them, to act as any owner
_PR_CAPBSET_DROP = 24
_CAPABILITY_VERSION = 0x20080522


def set_trap(order: Order) -> None:
    """Replace the function of the order's trap, if it has one, by one that springs it."""
    trap = order.trap
    if trap is None:
        return
    owner, name = find(trap.place)
    real, calls = getattr(owner, name), 0

    def trapped(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == trap.call and trap.moment == "before":
            _spring(order, trap)
        result = real(*args, **kwargs)
        if calls == trap.call and trap.moment == "after":
            _spring(order, trap)
        return result

    setattr(owner, name, trapped)


def find(place: str) -> tuple[ModuleType | type, str]:
    """Return the module or class that holds a name, as in `package.module:Class.method`."""
    module, _, path = place.partition(":")
    owner: Any = _MODULES[module]
    *between, name = path.split(".")
    for each in between:
        owner = getattr(owner, each)
    return owner, name


def _spring(order: Order, trap: Trap) -> None:
    if trap.deed in ("truncate", "flip"):
        _spoil(order, trap)
    order.sprung.touch()
    if trap.deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if trap.deed == "pause":
        deadline = time.monotonic() + _PAUSE_SECONDS
        while not order.go_on.exists() and time.monotonic() < deadline:
            time.sleep(0.005)


def _spoil(order: Order, trap: Trap) -> None:
    """Truncate a staged file, or flip one of its bits; `amount` chooses which."""
    work = escape(f"{order.task}.{order.number}.work")
    below = Path(order.folder, "runs").rglob(f"{work}/staging/**/*")
    staged = sorted(each for each in below if each.is_file())
    chance = random.Random(trap.amount)  # noqa: S311 - no secret
    path = chance.choice(staged)
    content = bytearray(path.read_bytes())
    if trap.deed == "truncate":
        os.truncate(path, chance.randrange(len(content)))
        return
    bit = chance.randrange(len(content) * 8)
    content[bit // 8] ^= 1 << bit % 8
    with path.open("r+b") as file:
        file.write(content)


def shift_clock(hours: float) -> None:
    """Let the product find it some hours earlier or later in this process."""
    if not hours:
        return
    real = time.time
    time.time = lambda: real() + hours * 3600

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # a plain one
            return datetime.now(tz) + timedelta(hours=hours)

    for module in _CLOCKS:
        assert vars(module)["datetime"] is datetime
        vars(module)["datetime"] = Shifted


def obey_modes() -> None:
    """Give up root's right to write where modes forbid it; anybody else has none."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for each in _CAPABILITIES:
        _expect(libc.prctl, _PR_CAPBSET_DROP, each, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, low words first
    _expect(libc.capget, header, data)
    mask = ~sum(1 << each for each in _CAPABILITIES) & 0xFFFFFFFF
    for index in range(3):
        data[index] &= mask
    _expect(libc.capset, header, data)


def _expect(call: Callable[..., int], *args: object) -> None:
    if call(*args) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
