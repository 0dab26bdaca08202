"""What a hostile runner tries to learn: the platform's environment, files and memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.slow


class Outcome(Protocol):
    """The outcome of an attack, as the fixture gives it."""

    error: str
    log: list[str]
    report: Mapping[str, list[str]]


class Battlefield(Protocol):
    """Where the attack takes place, as the fixture gives it."""

    folder: Path

    def attack(self, text: str) -> Outcome: ...


READ = """
got = []
def read(path):
    try:
        if os.path.isdir(path):
            got.extend(path + "/" + name for name in os.listdir(path))
        else:
            with open(path, "rb") as file:
                file.read(1)
            got.append(path)
    except OSError:
        pass
"""
OPEN = """
import sqlite3
for mode in ("ro", "rw", "rwc"):
    try:
        sqlite3.connect(f"file:{STATE}/airflow.db?mode={mode}", uri=True).execute("VACUUM")
    except sqlite3.OperationalError as error:
        got += [] if "unable to open" in str(error) else [str(error)]
    except sqlite3.DatabaseError as error:
        got.append(str(error))
"""
TELL = "\nprint(json.dumps({'got': got}), file=sys.stderr)"
ANCESTORS = """
pid, ancestors = os.getppid(), []
while pid > 1:
    ancestors.append(pid)
    with open(f"/proc/{pid}/stat") as file:
        pid = int(file.read().rpartition(")")[2].split()[1])
"""


def test_the_environment_holds_no_secret(
    field: Battlefield, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_CONN_NYC", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "the canary sings")
    text = (
        "texts = [str(dict(os.environ))]\n"
        "for pid in ('self', os.getppid()):\n"
        "    try:\n"
        "        with open(f'/proc/{pid}/environ') as file:\n"
        "            texts.append(file.read())\n"
        "    except PermissionError:\n"  # a supervisor of root has rights that its runner lacks
        "        texts.append('')\n"
        "print(json.dumps({'got': texts}), file=sys.stderr)"
    )
    environments = field.attack(text).report["got"]
    assert len(environments) == 3
    assert "HOME" in environments[0]
    for environment in environments:
        assert "canary" not in environment
        assert "AIRFLOW" not in environment


def test_no_descriptor_of_the_platform_is_inherited(field: Battlefield) -> None:
    secret = os.open(field.folder / "airflow" / "airflow.cfg", os.O_RDONLY)
    os.set_inheritable(secret, True)
    text = (
        "got = [int(name) for name in os.listdir('/proc/self/fd')]\n"
        "print(json.dumps({'got': sorted(got)}), file=sys.stderr)"
    )
    try:
        outcome = field.attack(text)
    finally:
        os.close(secret)
    assert outcome.report["got"][:-1] == [0, 1, 2]  # the last one lists the folder


@pytest.mark.parametrize("name", ["environ", "mem", "fd", "maps", "cwd/airflow.cfg"])
def test_processes_above_cannot_be_read_as_another_user(other_side: Battlefield, name: str) -> None:
    text = f"{READ}{ANCESTORS}\nfor pid in ancestors: read(f'/proc/{{pid}}/{name}')\n"
    outcome = other_side.attack(text + "assert ancestors" + TELL)
    assert outcome.report["got"] == []


def test_the_supervisor_gives_no_descriptor_away(other_side: Battlefield) -> None:
    text = f"{READ}\nread(f'/proc/{{os.getppid()}}/fd')\nread(f'/proc/{{os.getppid()}}/environ')"
    assert other_side.attack(text + TELL).report["got"] == []


@pytest.mark.parametrize("name", ["airflow.cfg", "passwords.json", "secrets.json"])
def test_airflows_files_cannot_be_read_as_another_user(other_side: Battlefield, name: str) -> None:
    text = f"{READ}\nread(STATE)\nread(STATE + '/{name}')"
    assert other_side.attack(text + TELL).report["got"] == []


def test_the_metadata_database_cannot_be_opened_as_another_user(other_side: Battlefield) -> None:
    assert other_side.attack(f"{READ}{OPEN}{TELL}").report["got"] == []


def test_airflows_own_user_could_read_all_of_it_without_landlock(field: Battlefield) -> None:
    # So that the attacks above are known to work where nothing contains them.
    text = f"{READ}\nread(STATE)\nread(STATE + '/airflow.cfg'){OPEN}{TELL}"
    got = field.attack(text).report["got"]
    assert str(field.folder / "airflow" / "airflow.cfg") in got
    assert "file is not a database" in got


def test_no_setuid_program_leads_to_another_user(field: Battlefield) -> None:
    text = (
        "with open('/proc/self/status') as file:\n"
        "    print([line for line in file if line.startswith('NoNewPrivs')], file=sys.stderr)"
    )
    assert field.attack(text).log == [r"['NoNewPrivs:\t1\n']"]


def test_another_user_has_only_its_own_groups(other_side: Battlefield) -> None:
    text = "print(json.dumps({'got': [os.getgid(), *os.getgroups()]}), file=sys.stderr)"
    before = os.getgroups()
    os.setgroups([0, 4])
    try:
        got = set(other_side.attack(text).report["got"])
    finally:
        os.setgroups(before)
    assert not got & {0, 4}
