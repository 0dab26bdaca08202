"""Which Unix user a runner may run as, and the message of each refusal."""

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
    make_writable,
    supervisor_command,
    user_spec,
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


def test_root_starts_a_supervisor_that_switches_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "sudo" not in str(supervisor_command(STRANGER, "run"))
    assert user_spec(STRANGER) == {"user": 54321, "group": 54321, "groups": (54321,)}


def test_anybody_else_starts_the_supervisor_by_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: "/usr/bin/sudo")
    command = supervisor_command(STRANGER, "run")
    assert command[:5] == ["/usr/bin/sudo", "-n", "-u", "stranger", "--"]
    assert command[6:8] == ["-I", "-S"]
    assert command[-1] == "run"
    assert user_spec(STRANGER) == {"user": None, "group": None, "groups": None}


def test_without_sudo_the_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    words = "Airflow runs as uid 1000, which cannot switch to it: there is no sudo"
    with pytest.raises(DeploymentError, match=words):
        supervisor_command(STRANGER, "run")


def test_the_message_of_a_sudo_that_refuses_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\ncat > /dev/null\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module.shutil, "which", lambda _: str(sudo))
    words = "user 'stranger': switching to it failed: sudo: a password is required$"
    with pytest.raises(DeploymentError, match=words):
        check_user(STRANGER, [tmp_path], [])


def test_a_file_that_the_user_may_not_use_is_reported_before_the_run(tmp_path: Path) -> None:
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
    make_writable(STRANGER, [tmp_path])
    status = tmp_path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (54321, 54321, 0o700)


def test_anybody_else_shares_directories_through_the_users_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    make_writable(UnixUser("stranger", 54321, os.getgid(), (os.getgid(),)), [tmp_path])
    assert tmp_path.stat().st_mode & 0o7777 == 0o2770

    def deny(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", deny)
    with pytest.raises(DeploymentError, match="cannot be shared with it; Airflow's user must be"):
        make_writable(STRANGER, [tmp_path])


def test_no_link_is_followed_to_what_is_given_away(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    (tmp_path / "secret").mkdir(mode=0o755)
    (tmp_path / "home").symlink_to(tmp_path / "secret")
    with pytest.raises(DeploymentError, match=f"{tmp_path}/home is no directory to give"):
        make_writable(STRANGER, [tmp_path / "home"])
    assert (tmp_path / "secret").stat().st_uid == 0


@pytest.mark.parametrize(
    ("owner", "group", "mode", "who"),
    [
        (54321, 0, 0o755, "uid 54321"),
        (0, 0, 0o777, "others"),
        (0, 54321, 0o775, "others"),
    ],
    ids=["its own", "anybody's", "its group's"],
)
def test_a_place_that_somebody_could_replace_by_a_link_is_refused(
    tmp_path: Path, owner: int, group: int, mode: int, who: str
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    above = tmp_path / "above"
    (above / "deep" / "home").mkdir(parents=True)
    os.chown(above, owner, group)
    above.chmod(mode)
    with pytest.raises(DeploymentError, match=f"because {who} may write in {above}"):
        make_writable(STRANGER, [above / "deep" / "home"])
    assert (above / "deep" / "home").stat().st_uid == 0


def test_a_place_below_a_directory_with_the_sticky_bit_can_be_given(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    (tmp_path / "shared" / "home").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o1777)
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    make_writable(STRANGER, [tmp_path / "link" / "home"])
    assert (tmp_path / "shared" / "home").stat().st_uid == 54321
