"""The host's workflow is sound, and runs only sessions that exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from approval import RULES, SESSIONS
from repository import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "checks.yml"
ZIZMOR = Path(sys.executable).parent / "zizmor"


def _text() -> str:
    return WORKFLOW.read_text(encoding="utf-8")


def _linted(workflow: Path) -> subprocess.CompletedProcess[str]:
    options = ("--offline", "--pedantic", "--strict-collection", "--no-progress", "--color=never")
    command = [ZIZMOR, *options, "--no-config", workflow]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_workflow_passes_its_linter() -> None:
    done = _linted(WORKFLOW)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('nox -s "$SESSION"', "nox -s ${{ github.head_ref }}", "template-injection"),
        ("permissions: {}\n\nconcurrency", "concurrency", "excessive-permissions"),
        ("permissions: {}\n\nconcurrency", "permissions: write-all\n\nconcurrency", "write-all"),
        ("  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
        ("checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "checkout@v7", "unpinned"),
        ("runs-on:", "run-on:", "does not match|expected validation schema"),
        ("fail-fast: false", "fail-fast: [", "YAML|yaml"),
    ],
)
def test_a_seeded_mistake_is_reported(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in _text()
    planted = tmp_path / ".github" / "workflows" / "checks.yml"
    planted.parent.mkdir(parents=True)
    planted.write_text(_text().replace(old, new), encoding="utf-8")
    done = _linted(planted)
    assert done.returncode != 0
    assert re.search(message, done.stdout + done.stderr)


# The linter does not follow names: a wrong one is an empty text, and a job that never runs.
@pytest.mark.parametrize(
    ("used", "defined"),
    [
        (r"needs\.(\w+)\.", r"^  (\w+):$"),
        (r"steps\.(\w+)\.", r"^ +id: (\w+)$"),
        (
            r"needs\.affected\.outputs\.(\w+)",
            r"^ +(\w+): \$\{\{ steps\.affected\.outputs\.\1 \}\}$",
        ),
        (r"matrix\.(\w+)", r"^ {8}(\w+): (?:\[|\$)"),
    ],
)
def test_a_name_that_the_workflow_uses_is_defined(used: str, defined: str) -> None:
    names = set(re.findall(used, _text()))
    assert names
    assert names <= set(re.findall(defined, _text(), re.MULTILINE))


def test_every_supported_python_is_tried_and_no_other() -> None:
    (matrix,) = re.findall(r"^ +python: \[(.+)\]$", _text(), re.MULTILINE)
    tried = re.findall(r'"3\.(\d+)"', matrix)
    for tree in ("contracts", "platform", "transforms"):
        text = (ROOT / tree / "pyproject.toml").read_text(encoding="utf-8")
        supported = re.search(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"$', text, re.MULTILINE)
        assert supported
        assert tried == [str(minor) for minor in range(int(supported[1]), int(supported[2]))]


def test_what_the_matrix_leaves_out_is_a_session_and_a_python_of_it() -> None:
    every, _ = _sessions()
    left_out = re.findall(r"- \{ session: (\w+), python: \"([\d.]+)\" \}", _text())
    assert left_out
    assert {session for session, _ in left_out} <= every
    by_session = {session: {p for s, p in left_out if s == session} for session, _ in left_out}
    assert all(len(pythons) == 2 for pythons in by_session.values()), "each runs on one Python"


def _sessions() -> tuple[set[str], set[str]]:
    """Return every session of noxfile.py, and those that run by default."""
    every, default = set[str](), set[str]()
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name, decorator_list=[decorator, *_]):
                if ast.unparse(decorator).startswith("nox.session"):
                    every.add(name)
            case ast.Assign(targets=[target], value=value):
                if ast.unparse(target) == "nox.options.sessions":
                    default |= set(ast.literal_eval(value))
    return every, default


def test_a_session_that_a_rule_names_exists() -> None:
    every, default = _sessions()
    named = {session for rule in RULES for session in rule.sessions}
    assert named <= every
    assert default <= named, "a session that runs by default is in no rule of checks/approval.py"


def test_the_sessions_are_listed_in_one_order() -> None:
    assert {session for rule in RULES for session in rule.sessions} == set(SESSIONS)


def test_the_workflow_runs_only_sessions_that_exist() -> None:
    every, _ = _sessions()
    assert {*re.findall(r"nox -s (\w+)", _text())} <= every
