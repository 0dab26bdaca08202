"""Which sockets a runner may open: a seccomp filter, because Landlock bounds TCP only by its name.

Linux 6.18 with Landlock 7 lets a confined process reach any TCP port by MPTCP, which falls back to
TCP, and by TCP Fast Open, which connects while it sends. Neither is a connection to Landlock.
Without any port, a runner gets no socket but those between processes of this host.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
import sys
from collections.abc import Sequence
from typing import NamedTuple

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW = 0x7FFF0000
_DENY = 0x00050000 | errno.EACCES
_LOAD, _RETURN = 0x20, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in the kernel's `struct seccomp_data`
_IO_URING_SETUP = 425  # its requests pass no filter
_X32 = 0x40000000  # a second set of numbers, of x86-64 alone
_MSG_FASTOPEN = 0x20000000
_TCP_AND_UDP = (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)


class _Calls(NamedTuple):
    """Hold an architecture's name for the kernel, and its numbers of system calls."""

    architecture: int
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int


_MACHINES = {
    "x86_64": _Calls(0xC000003E, 41, 44, 46, 307),
    "aarch64": _Calls(0xC00000B7, 198, 206, 211, 269),
}

_Instruction = tuple[int, int, int, int]
"""Operation, instructions to skip if true, instructions to skip if false, operand."""


def is_supported() -> bool:
    """Say whether this kernel filters system calls, and this machine's numbers are known."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    # Without an address it fails either way; the reason says whether the kernel knows filters.
    libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, None)
    return ctypes.get_errno() == errno.EFAULT


def program(*, internet: bool) -> str | None:
    """Return the filter as the kernel reads it, in hexadecimal, or None where there is none.

    Without `internet`, only Unix sockets may be opened; with it, also those of TCP and UDP. What is
    refused fails with EACCES, which Python raises as `PermissionError`.
    """
    if not is_supported():
        return None
    calls = _MACHINES[platform.machine()]
    families = [socket.AF_INET, socket.AF_INET6] if internet else []
    return b"".join(struct.pack("HBBI", *step) for step in _assemble(calls, families)).hex()


def _assemble(calls: _Calls, families: Sequence[int]) -> list[_Instruction]:
    foreign: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _DENY),
        (_LOAD, 0, 0, _NUMBER),
        *_deny_if(_IF_AT_LEAST, _X32),
        *_deny_if(_IF_EQUAL, _IO_URING_SETUP),
    ]
    fast_open = [
        step
        for number, argument in ((calls.sendto, 3), (calls.sendmsg, 2), (calls.sendmmsg, 3))
        for step in _if_call(
            number,
            [_load(argument), *_deny_if(_IF_ANY_BIT, _MSG_FASTOPEN), (_RETURN, 0, 0, _ALLOW)],
        )
    ]
    by_protocol = [_load(2), *_allow_if_any(_TCP_AND_UDP), (_RETURN, 0, 0, _DENY)]
    by_family = [
        _load(0),
        *_allow_if_any([socket.AF_UNIX]),
        *(step for family in families for step in _if_call(family, by_protocol)),
        (_RETURN, 0, 0, _DENY),
    ]
    return [*foreign, *fast_open, *_if_call(calls.socket, by_family), (_RETURN, 0, 0, _ALLOW)]


def _load(argument: int) -> _Instruction:
    """Load the lower half of an argument: the kernel takes no more of these."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _if_call(value: int, steps: Sequence[_Instruction]) -> list[_Instruction]:
    """Take steps that end in a return if the loaded value is this one."""
    return [(_IF_EQUAL, 0, len(steps), value), *steps]


def _deny_if(comparison: int, value: int) -> list[_Instruction]:
    return [(comparison, 0, 1, value), (_RETURN, 0, 0, _DENY)]


def _allow_if_any(values: Sequence[int]) -> list[_Instruction]:
    return [
        step for value in values for step in ((_IF_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))
    ]
