"""Each source module has its test, each test its module, and each exception is needed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import mirrors
import pytest
from repository import ROOT

DEFINES = "def answer() -> int:\n    return 42\n"
SOUND = {
    "contracts/src/isthmus_contracts/__init__.py": "",
    "contracts/src/isthmus_contracts/names.py": DEFINES,
    "contracts/src/isthmus_contracts/_days.py": DEFINES,
    "contracts/src/isthmus_contracts/lake/__init__.py": "",
    "contracts/src/isthmus_contracts/lake/files.py": DEFINES,
    "contracts/src/isthmus_contracts/lake/constants.py": "ANSWER = 42\n",
    "contracts/src/isthmus_contracts/old.py": DEFINES,
    "contracts/tests/test_names.py": "",
    "contracts/tests/test_days.py": "",
    "contracts/tests/test_days_of_leap_years.py": "",
    "contracts/tests/test_lake.py": "",
    "contracts/tests/lake/test_lake.py": "",
    "contracts/tests/lake/test_files.py": "",
    "contracts/tests/hostile/test_attack.py": "",
    mirrors.LIST: (
        '[modules]\n"contracts/src/isthmus_contracts/old.py" = "a reason"\n'
        '[tests]\n"contracts/tests/hostile/" = "a reason"\n'
    ),
}
EMPTY_LIST = "[modules]\n[tests]\n"


def _complaints(folder: Path, changes: dict[str, str | None]) -> list[str]:
    subprocess.run(["git", "init", "-q", folder], check=True)
    for path, text in (SOUND | changes).items():
        if text is not None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    return list(mirrors.complaints(folder))


def test_the_repository_keeps_the_rule() -> None:
    assert list(mirrors.complaints(ROOT)) == []


def test_a_sound_tree_has_no_complaint(tmp_path: Path) -> None:
    assert _complaints(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"contracts/tests/lake/test_files.py": None},
            "lake/files.py has no contracts/tests/lake/test_files.py",
        ),
        ({"contracts/tests/test_days.py": None}, "_days.py has no contracts/tests/test_days.py"),
        (
            {"contracts/src/isthmus_contracts/lake/constants.py": DEFINES},
            "constants.py has no contracts/tests/lake/test_constants.py",
        ),
        ({"contracts/tests/test_nothing.py": ""}, "tests/test_nothing.py mirrors no module"),
        ({"contracts/tests/lake/test_names.py": ""}, "lake/test_names.py mirrors no module"),
        ({"contracts/tests/test_old.py": ""}, "old.py needs no exception"),
        ({"contracts/src/isthmus_contracts/old.py": None}, "old.py does not exist"),
        ({"contracts/tests/hostile/test_attack.py": None}, "tests/hostile/ does not exist"),
        ({mirrors.LIST: EMPTY_LIST}, "old.py has no contracts/tests/test_old.py"),
        ({mirrors.LIST: EMPTY_LIST}, "test_attack.py mirrors no module"),
        (
            {mirrors.LIST: SOUND[mirrors.LIST].replace('= "a reason"', '= ""')},
            "old.py has no contracts/tests/test_old.py",
        ),
    ],
)
def test_a_violation_is_reported(
    changes: dict[str, str | None], complaint: str, tmp_path: Path
) -> None:
    assert complaint in "\n".join(_complaints(tmp_path, changes))
