"""docs/security.md names every hostile attempt, with a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "security.md"


def in_table() -> list[str]:
    """Return the proof in each line of the table of attempts, as `file::test`."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## Hostile attempts")
    table, _, _ = rest.partition("What is not contained")
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows
    proofs = [re.search(r"`(test_\w+\.py::test_\w+)` \|$", row) for row in rows]
    assert None not in proofs, rows[proofs.index(None)]
    return [proof[1] for proof in proofs if proof]


def in_tests() -> list[str]:
    """Return every hostile test, as `file::test`."""
    return [
        f"{path.name}::{node.name}"
        for path in sorted(TESTS.glob("test_*.py"))
        if path.name != Path(__file__).name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_every_attempt_is_proved_by_a_test_that_exists() -> None:
    assert [proof for proof in in_table() if proof not in in_tests()] == []


def test_every_hostile_test_stands_in_the_table_once() -> None:
    assert sorted(in_table()) == sorted(in_tests())


def test_what_needs_another_user_says_so() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for proof in in_table():
        (line,) = [line for line in lines if proof in line]
        name = proof.partition("::")[2]
        needs = "another_user" in name or "own_user" in name or "supervisor_gives" in name
        assert ("| needed |" in line) == (needs and "setuid" not in name), line
