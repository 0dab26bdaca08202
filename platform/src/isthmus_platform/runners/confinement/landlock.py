"""The rules of Landlock, as data: a supervisor hands them to the kernel.

Landlock is a part of Linux by which a process restricts itself and all that it starts, without any
privilege. Each version of it can restrict more:
https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Sequence
from enum import IntFlag

FIRST_WITH_PORTS = 4
_FIRST_WITH_SCOPES = 6
_CREATE_RULESET = 444
_VERSION_FLAG = 1
_CONNECT_TCP = 2


class Right(IntFlag):
    """A right to files; the number is the kernel's."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13  # rename and link between directories
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_READ = Right.EXECUTE | Right.READ_FILE | Right.READ_DIR
_OF_FILES = Right.EXECUTE | Right.WRITE_FILE | Right.READ_FILE | Right.TRUNCATE | Right.IOCTL_DEV
_NEVER = Right.MAKE_CHAR | Right.MAKE_BLOCK
_ADDED = {Right.REFER: 2, Right.TRUNCATE: 3, Right.IOCTL_DEV: 5}
"""The version that added a right; all others are in the first."""


def version() -> int:
    """Return the version of Landlock that this kernel enforces; 0 is none."""
    if sys.platform != "linux":
        return 0
    found: int = ctypes.CDLL(None).syscall(
        ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_long(_VERSION_FLAG)
    )
    return max(found, 0)


def ruleset(
    readable: Sequence[str], writable: Sequence[str], ports: Sequence[int]
) -> dict[str, object] | None:
    """Return the rules for this kernel, or None if it has no Landlock.

    `attributes` is the kernel's `struct landlock_ruleset_attr` in hexadecimal; each of `paths` has
    the rights to it as a number, of which `file_rights` are those that a file can have.
    """
    known = version()
    if known == 0:
        return None
    handled = Right(0)
    for right in Right:
        if _ADDED.get(right, 1) <= known:
            handled |= right
    values = [int(handled)]
    if known >= FIRST_WITH_PORTS:
        values.append(0b11)  # TCP: bind and connect
    if known >= _FIRST_WITH_SCOPES:
        values.append(0b11)  # abstract Unix sockets, and signals, to processes outside
    return {
        "attributes": struct.pack(f"={len(values)}Q", *values).hex(),
        "paths": [
            *((path, int(_READ)) for path in readable),
            *((path, int(handled & ~_NEVER)) for path in writable),
        ],
        "file_rights": int(_OF_FILES),
        "ports": [(port, _CONNECT_TCP) for port in ports if known >= FIRST_WITH_PORTS],
    }
