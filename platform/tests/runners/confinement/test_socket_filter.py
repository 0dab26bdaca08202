"""What the filter answers to system calls, by an interpreter of its few instructions."""

from __future__ import annotations

import platform
import struct

import pytest

from isthmus_platform.runners.confinement import socket_filter

ALLOWED, DENIED = 0x7FFF0000, 0x0005000D
X86, ARM, I386 = 0xC000003E, 0xC00000B7, 0x40000003
UNIX, INET, INET6, NETLINK, PACKET, VSOCK = 1, 2, 10, 16, 17, 40
STREAM, DATAGRAM = 1, 2
FAST_OPEN = 0x20000000


def answer(program: str | None, architecture: int, number: int, *arguments: int) -> int:
    """Return the filter's answer to a system call."""
    assert program is not None
    steps = list(struct.iter_unpack("HBBI", bytes.fromhex(program)))
    call = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    at = loaded = 0
    while True:
        operation, if_true, if_false, operand = steps[at]
        at += 1
        if operation == 0x20:
            (loaded,) = struct.unpack_from("=I", call, operand)
        elif operation == 0x06:
            return int(operand)
        else:
            holds = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: loaded & operand}
            at += if_true if holds[operation] else if_false


def filter_for(machine: str, monkeypatch: pytest.MonkeyPatch, *, internet: bool) -> str | None:
    """Return the filter for a machine."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    return socket_filter.program(internet=internet)


pytestmark = pytest.mark.skipif(
    not socket_filter.is_supported(), reason="this kernel filters no system calls"
)


@pytest.mark.parametrize(
    ("machine", "architecture", "opening"), [("x86_64", X86, 41), ("aarch64", ARM, 198)]
)
def test_without_internet_only_unix_sockets_are_opened(
    machine: str, architecture: int, opening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = filter_for(machine, monkeypatch, internet=False)
    assert answer(program, architecture, opening, UNIX, STREAM) == ALLOWED
    for family in (0, INET, INET6, NETLINK, PACKET, VSOCK, 43, 1 << 31):
        assert answer(program, architecture, opening, family, STREAM) == DENIED


@pytest.mark.parametrize(
    ("machine", "architecture", "opening"), [("x86_64", X86, 41), ("aarch64", ARM, 198)]
)
def test_with_internet_tcp_and_udp_are_opened_too(
    machine: str, architecture: int, opening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = filter_for(machine, monkeypatch, internet=True)
    for family in (INET, INET6):
        for kind, protocol in ((STREAM, 0), (STREAM, 6), (DATAGRAM, 0), (DATAGRAM, 17)):
            assert answer(program, architecture, opening, family, kind, protocol) == ALLOWED
        for protocol in (1, 132, 136, 255, 262):  # ICMP, SCTP, UDP-Lite, raw, Multipath TCP
            assert answer(program, architecture, opening, family, STREAM, protocol) == DENIED
    assert answer(program, architecture, opening, UNIX, STREAM) == ALLOWED
    assert answer(program, architecture, opening, VSOCK, STREAM) == DENIED


@pytest.mark.parametrize(
    ("machine", "architecture", "sending"),
    [
        ("x86_64", X86, ((44, 3), (46, 2), (307, 3))),
        ("aarch64", ARM, ((206, 3), (211, 2), (269, 3))),
    ],
)
def test_nothing_is_sent_by_fast_open(
    machine: str,
    architecture: int,
    sending: tuple[tuple[int, int], ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = filter_for(machine, monkeypatch, internet=True)
    for number, place in sending:
        for flags, expected in ((0, ALLOWED), (0x4000, ALLOWED), (FAST_OPEN | 0x4000, DENIED)):
            arguments = [0] * 6
            arguments[place] = flags
            assert answer(program, architecture, number, *arguments) == expected


def test_other_calls_pass_and_other_sets_of_numbers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    program = filter_for("x86_64", monkeypatch, internet=True)
    for number in (0, 1, 59, 42, 434):  # read, write, execve, connect, pidfd_open
        assert answer(program, X86, number) == ALLOWED
    assert answer(program, X86, 425) == DENIED  # io_uring_setup
    assert answer(program, X86, 0x40000000 | 41, UNIX) == DENIED
    assert answer(program, I386, 0) == DENIED


def test_a_machine_whose_numbers_are_unknown_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filter_for("m68k", monkeypatch, internet=False) is None
    assert not socket_filter.is_supported()
