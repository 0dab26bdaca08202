"""The pages name only commands, sessions and files that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")]
    if ".venv" not in path.parts
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_what_exists(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"`make ([a-z]+)", text):
        assert target in targets, f"there is no target {target!r}"
    sessions = re.findall(
        r"^@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE
    )
    for session in re.findall(r"nox -s ([a-z]+)", text):
        assert session in sessions, f"there is no session {session!r}"
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (page.parent / link).exists(), f"there is no {link}"


def test_no_page_is_missing() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    trees = {f"{tree}/README.md" for tree in ("contracts", "platform", "transforms")}
    assert names >= {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} | trees


def test_the_catalog_document_is_fresh() -> None:
    command = [
        sys.executable,
        "-m",
        "isthmus_contracts",
        "document",
        "contracts/catalog.json",
        "--check",
    ]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
