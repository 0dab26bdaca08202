"""Which Unix user a runner may be, and how each refusal is told."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from isthmus_platform.errors import DeploymentError
from isthmus_platform.runners import unix_user as module
from isthmus_platform.runners.unix_user import (
    UnixUser,
    check_user,
    find_user,
    grant_directories,
    supervisor_command,
    user_order,
)

STRANGER = UnixUser("stranger", 54321, 54321, (54321,))


def test_a_user_that_does_not_exist_is_refused() -> None:
    words = "runner user 'no-such-user': there is no such user on this machine"
    with pytest.raises(DeploymentError, match=words):
        find_user("no-such-user")


def test_root_by_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    toor = pwd.struct_passwd(("toor", "x", 0, 0, "", "/root", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: toor)
    with pytest.raises(DeploymentError, match="runner user 'toor': a runner may not be root"):
        find_user("toor")


def test_a_user_is_found_with_its_groups() -> None:
    found = find_user("nobody")
    assert found.uid != 0
    assert found.gid in found.groups


def test_root_starts_a_guard_that_switches_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "sudo" not in str(supervisor_command(STRANGER, "run"))
    assert user_order(STRANGER) == {"user": 54321, "group": 54321, "groups": (54321,)}


def test_anybody_else_starts_the_guard_through_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: "/usr/bin/sudo")
    command = supervisor_command(STRANGER, "run")
    assert command[:5] == ["/usr/bin/sudo", "-n", "-u", "stranger", "--"]
    assert command[6:8] == ["-I", "-S"]
    assert command[-1] == "run"
    assert user_order(STRANGER) == {"user": None, "group": None, "groups": None}


def test_without_sudo_the_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    words = "Airflow runs as uid 1000, which cannot switch to it: there is no sudo"
    with pytest.raises(DeploymentError, match=words):
        supervisor_command(STRANGER, "run")


def test_a_sudo_that_says_no_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\ncat > /dev/null\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(sudo))
    words = "user 'stranger': it cannot be switched to: sudo: a password is required$"
    with pytest.raises(DeploymentError, match=words):
        check_user(STRANGER, [tmp_path], [])


def test_what_a_user_may_not_do_is_told_before_it_computes(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "input").touch()
    with pytest.raises(DeploymentError, match=f"it may not write in {tmp_path}; docs/security"):
        check_user(STRANGER, [tmp_path], [])
    words = f"it may not read {tmp_path}/private/input, and 1 more; docs/security"
    with pytest.raises(DeploymentError, match=words):
        check_user(STRANGER, [], [str(tmp_path / "private" / "input"), str(tmp_path / "no")])


def test_root_gives_directories_away(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    grant_directories(STRANGER, [tmp_path])
    status = tmp_path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (54321, 54321, 0o700)


def test_anybody_else_shares_directories_through_the_users_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    grant_directories(UnixUser("stranger", 54321, os.getgid(), (os.getgid(),)), [tmp_path])
    assert tmp_path.stat().st_mode & 0o7777 == 0o2770

    def deny(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "chown", deny)
    with pytest.raises(DeploymentError, match="cannot be shared with it; Airflow's user must be"):
        grant_directories(STRANGER, [tmp_path])
