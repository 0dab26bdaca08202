"""CODEOWNERS is as agreed, and each mistake in it has a message of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import owners
import pytest
from repository import ROOT

PLATFORM = "@isthmus/platform"
DATA = "@isthmus/data-science"
BOTH = f"{PLATFORM} {DATA}"
KNOWN = f"'{DATA}', '{PLATFORM}'"
RIGHT = f"""\
# The last line decides.
* {BOTH}

/platform/ @isthmus/platform
/transforms/ @isthmus/data-science
/contracts/ {BOTH}
/noxfile.py {BOTH}
/*/ruff.toml {BOTH}
"""
DATAFLOWS = "transforms/src/isthmus_transforms/dataflows"
TABLES = "platform/src/isthmus_platform/lake/delta/tables.py"
PATHS = (
    "README.md",
    "noxfile.py",
    "contracts/README.md",
    "platform/ruff.toml",
    TABLES,
    "platform/tests/lake/test_tables.py",
    "transforms/README.md",
    "transforms/tests/dataflows/tides/test_heights.py",
    "transforms/tests/dataflows/tides_v2/test_heights.py",
    f"{DATAFLOWS}/__init__.py",
    f"{DATAFLOWS}/tides/heights.py",
    f"{DATAFLOWS}/tides_v2/heights.py",
)


def _catalog(**owners: str) -> str:
    named = {name.replace("_v", ".v"): {"owner": owner} for name, owner in owners.items()}
    return json.dumps({"format": 1, "dataflows": named})


CATALOG = _catalog(tides_v1="data-science", tides_v2="data-science")


def _complaints(root: Path, rules: str = RIGHT, catalog: str = CATALOG) -> list[str]:
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / "contracts" / "catalog.json").write_text(catalog, encoding="utf-8")
    (root / "CODEOWNERS").write_text(rules, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    return owners.complaints(root)


UNREADABLE = "contracts/catalog.json names no owners: "


def test_the_repository_is_owned_as_agreed() -> None:
    assert owners.complaints(ROOT) == []


def test_right_lines_give_no_complaint(tmp_path: Path) -> None:
    assert _complaints(tmp_path) == []


NOTHING = "with which a pattern silently matches nothing"
EITHER = f"{PLATFORM} or {DATA}"
AGREED = f"{DATA} or {PLATFORM}"


@pytest.mark.parametrize(
    ("pattern", "teams", "complaint"),
    [
        ("/plattform/", BOTH, "matches no path; remove it, or fix it"),
        ("!/platform/", BOTH, f"has '!', {NOTHING}"),
        ("/[cp]*", BOTH, f"has '[', {NOTHING}"),
        ("noxfile.py", BOTH, "has no leading '/', so that it matches in every folder"),
        ("/noxfile.py", "", "names no team, so that its paths have no owner"),
        ("/noxfile.py", "@isthmus/plattform", f"names '@isthmus/plattform'; known: {KNOWN}"),
        ("/noxfile.py", f"{BOTH} # both", f"names '#'; known: {KNOWN}"),
        ("/noxfile.py", PLATFORM, f"gives noxfile.py to {PLATFORM}; agreed: {AGREED}"),
        ("/platform/src/", DATA, f"gives {TABLES} to {DATA}; agreed: {PLATFORM}"),
        ("/platform/", BOTH, f"gives {TABLES} and 1 more to {EITHER}; agreed: {PLATFORM}"),
        ("*", BOTH, f"gives {TABLES} and 1 more to {EITHER}; agreed: {PLATFORM}"),
    ],
)
def test_a_wrong_line_is_told(pattern: str, teams: str, complaint: str, tmp_path: Path) -> None:
    found = _complaints(tmp_path, f"{RIGHT}{pattern} {teams}\n")
    assert f"CODEOWNERS line 9, {pattern}, {complaint}" in found


def test_a_pattern_that_misses_subfolders_is_told(tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, RIGHT.replace("/transforms/ ", "/transforms/* "))
    assert complaint == (
        f"CODEOWNERS line 2, *, gives {DATAFLOWS}/__init__.py and 4 more to {EITHER}; "
        f"agreed: {DATA}"
    )


def test_the_rules_of_a_tree_belong_to_both(tmp_path: Path) -> None:
    (complaint,) = _complaints(tmp_path, f"{RIGHT}/platform/ruff.toml {PLATFORM}\n")
    assert complaint == (
        f"CODEOWNERS line 9, /platform/ruff.toml, gives platform/ruff.toml to {PLATFORM}; "
        f"agreed: {AGREED}"
    )


def test_a_file_that_does_not_begin_with_everything_is_told(tmp_path: Path) -> None:
    assert _complaints(tmp_path, RIGHT.replace(f"* {BOTH}\n", "")) == [
        "CODEOWNERS does not begin with a line for *, so that a new path has no owner",
        *(f"{path} has no owner" for path in ("CODEOWNERS", "README.md")),
    ]


def test_a_dataflow_belongs_to_the_owner_that_its_contract_names(tmp_path: Path) -> None:
    catalog = _catalog(tides_v1="data-science", tides_v2="platform")
    (complaint,) = _complaints(tmp_path, catalog=catalog)
    assert complaint == (
        f"CODEOWNERS line 5, /transforms/, gives {DATAFLOWS}/tides_v2/heights.py and 1 more "
        f"to {DATA}; agreed: {PLATFORM}"
    )


def test_a_line_gives_a_dataflow_to_its_owner(tmp_path: Path) -> None:
    catalog = _catalog(tides_v1="data-science", tides_v2="platform")
    folders = (f"/{DATAFLOWS}/tides_v2/", "/transforms/tests/dataflows/tides_v2/")
    rules = RIGHT + "".join(f"{folder} {PLATFORM}\n" for folder in folders)
    assert _complaints(tmp_path, rules, catalog) == []


@pytest.mark.parametrize(
    ("catalog", "complaint"),
    [
        (
            _catalog(tides_v1="data-science", tides_v2="sea"),
            "the contract of 'tides_v2' names owner 'sea'; known: 'data-science', 'platform'",
        ),
        (
            _catalog(tides_v1="data-science", tides_v2="data-science", tides_v3="data-science"),
            f"the contract of 'tides_v3' has no dataflow in {DATAFLOWS}/tides_v3",
        ),
        (
            _catalog(tides="data-science"),
            f"{UNREADABLE}'tides' is no identity such as 'flight_delays.v1'",
        ),
        ("[]", UNREADABLE),
        ("{", UNREADABLE),
    ],
)
def test_a_contract_without_a_dataflow_or_owner_is_reported(
    catalog: str, complaint: str, tmp_path: Path
) -> None:
    found = _complaints(tmp_path, catalog=catalog)
    assert any(problem.startswith(complaint) for problem in found), found


@pytest.mark.parametrize("second", [".github/CODEOWNERS", "docs/CODEOWNERS"])
def test_a_second_file_of_owners_is_reported(second: str, tmp_path: Path) -> None:
    (tmp_path / second).parent.mkdir()
    (tmp_path / second).write_text(RIGHT, encoding="utf-8")
    complaint = f"{second} may take the place of CODEOWNERS at the root; remove it"
    assert complaint in _complaints(tmp_path)


def test_no_file_of_owners_is_told(tmp_path: Path) -> None:
    assert owners.complaints(tmp_path) == [f"there is no CODEOWNERS in {tmp_path}"]


def _run(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "checks" / "owners.py", root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_complaints_and_exits_1(tmp_path: Path) -> None:
    _complaints(tmp_path, f"{RIGHT}/noxfile.py {PLATFORM}\n")
    done = _run(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("CODEOWNERS line 9, /noxfile.py, gives noxfile.py to")


def test_the_command_exits_0_without_complaint(tmp_path: Path) -> None:
    assert _complaints(tmp_path) == []
    done = _run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_says_that_a_folder_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "catalog.json").write_text(CATALOG, encoding="utf-8")
    (tmp_path / "CODEOWNERS").write_text(RIGHT, encoding="utf-8")
    done = _run(tmp_path)
    assert (done.returncode, done.stderr) == (2, f"{tmp_path} is not a git repository\n")
