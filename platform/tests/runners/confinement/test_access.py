"""What a supervisor is told, and what is said where the kernel cannot do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_platform.runners.confinement import Access, landlock, socket_filter


def set_kernel(monkeypatch: pytest.MonkeyPatch, version: int, *, filters: bool) -> None:
    monkeypatch.setattr(landlock, "version", lambda: version)
    monkeypatch.setattr(socket_filter, "is_supported", lambda: filters)


def test_paths_are_absolute_and_the_systems_are_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 7)
    monkeypatch.chdir(tmp_path)
    rules = Access(["code"], [Path("scratch")], [5432]).spec()["landlock"]
    assert isinstance(rules, dict)
    rights = dict(rules["paths"])
    assert rights[str(tmp_path / "code")] == rights["/usr"]
    assert rights[str(tmp_path / "scratch")] == rights["/dev/null"]
    assert rules["ports"] == [(5432, 2)]


@pytest.mark.skipif(not socket_filter.is_supported(), reason="this kernel filters no system calls")
def test_ports_open_the_internets_sockets() -> None:
    without, allowed = Access().spec(), Access(ports=[443]).spec()
    assert without["socket_filter"] == socket_filter.program(internet=False)
    assert allowed["socket_filter"] == socket_filter.program(internet=True)


@pytest.mark.parametrize(
    ("version", "filters", "ports", "gaps"),
    [
        (0, True, (), "read and write every file that its Unix user may"),
        (0, False, (), "read and write every file that its Unix user may and open any kind of"),
        (3, True, (443,), "connect to any port;"),
        (7, False, (), "open any kind of socket;"),
    ],
)
def test_what_the_kernel_does_not_enforce_is_said(
    version: int, filters: bool, ports: tuple[int, ...], gaps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_kernel(monkeypatch, version, filters=filters)
    warning = Access(ports=ports).warning()
    assert warning is not None
    assert f"Landlock version {version}): it can {gaps}" in warning
    assert warning.endswith("; see docs/security.md")


@pytest.mark.parametrize(("version", "ports"), [(1, ()), (3, ()), (4, (443,)), (7, (443,))])
def test_a_kernel_that_enforces_everything_is_no_warning(
    version: int, ports: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_kernel(monkeypatch, version, filters=True)
    assert Access(ports=ports).warning() is None


def test_a_kernel_without_either_gets_empty_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    set_kernel(monkeypatch, 0, filters=False)
    assert Access().spec() == {"landlock": None, "socket_filter": None}
