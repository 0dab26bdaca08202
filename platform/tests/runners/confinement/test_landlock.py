"""Which rules are made for each version of Landlock."""

from __future__ import annotations

import struct

import pytest

from isthmus_platform.runners.confinement import landlock

READ = 0b1101  # execute, read a file, list a directory


def rules_for(
    known: int, monkeypatch: pytest.MonkeyPatch, *, ports: tuple[int, ...] = (5432,)
) -> dict[str, object]:
    """Return the rules for one readable and one writable path, as a kernel of this version."""
    monkeypatch.setattr(landlock, "version", lambda: known)
    found = landlock.ruleset(["/code"], ["/scratch"], ports)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("known", "attributes", "writes"),
    [
        (1, [0x1FFF], 0x1FFF - 0x840),
        (2, [0x3FFF], 0x3FFF - 0x840),
        (3, [0x7FFF], 0x7FFF - 0x840),
        (4, [0x7FFF, 3], 0x7FFF - 0x840),
        (5, [0xFFFF, 3], 0xFFFF - 0x840),
        (6, [0xFFFF, 3, 3], 0xFFFF - 0x840),
        (7, [0xFFFF, 3, 3], 0xFFFF - 0x840),
    ],
)
def test_each_version_is_asked_for_what_it_knows(
    known: int, attributes: list[int], writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rules_for(known, monkeypatch)
    assert bytes.fromhex(str(found["attributes"])) == struct.pack(
        f"={len(attributes)}Q", *attributes
    )
    assert found["paths"] == [("/code", READ), ("/scratch", writes)]  # no device is ever made
    assert found["file_rights"] == 0b1100_0000_0000_0111


def test_ports_are_named_where_the_kernel_knows_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rules_for(3, monkeypatch)["ports"] == []
    assert rules_for(4, monkeypatch, ports=(443, 5432))["ports"] == [(443, 2), (5432, 2)]
    assert rules_for(4, monkeypatch, ports=())["ports"] == []


def test_a_kernel_without_landlock_gets_no_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        def __init__(self, name: None) -> None:
            assert name is None

        def syscall(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(landlock.ctypes, "CDLL", Libc)
    assert landlock.version() == 0
    assert landlock.ruleset(["/code"], ["/scratch"], []) is None
