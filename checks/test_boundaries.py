from __future__ import annotations

import configparser
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import guardrails
import pytest
from repository import ROOT, TREES, files
from seeded_violations import Violation, table, violations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    for file in files(ROOT):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def seeded(copy: Path, violation: Violation) -> Iterator[Path]:
    changed = [*violation.add, *violation.replace]
    before = {path: (copy / path).read_bytes() for path in changed if (copy / path).exists()}
    for path, text in violation.add.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    for path, (old, new) in violation.replace.items():
        text = (copy / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is not once in {path}"
        (copy / path).write_text(text.replace(old, new), encoding="utf-8")
    yield copy
    for path in changed:
        if path in before:
            (copy / path).write_bytes(before[path])
        else:
            (copy / path).unlink()


@pytest.fixture(scope="module")
def stale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site-packages")
    for tree in TREES:
        shutil.copytree(ROOT / tree / "src", folder / tree)
    return folder


def test_the_repository_keeps_its_rules() -> None:
    assert guardrails.caught(ROOT) == []


def test_a_copy_keeps_the_rules_too(copy: Path) -> None:
    assert guardrails.caught(copy) == []


@pytest.mark.parametrize("violation", violations(), ids=lambda violation: violation.name)
def test_a_seeded_violation_is_caught_by_its_rules(
    violation: Violation, seeded: Path, stale: Path
) -> None:
    sources = [seeded / tree / "src" for tree in TREES]
    if violation.stale:
        sources.insert(0, stale / violation.stale)
    found = guardrails.caught(seeded, sources)
    assert {catch.rule for catch in found} == set(violation.caught_by), "\n".join(map(str, found))


def _rules() -> set[str]:
    linter = configparser.ConfigParser()
    linter.read(ROOT / ".importlinter")
    sentences = {linter[name]["name"] for name in linter.sections() if ":" in name}
    bans = {
        f"{file.parts[0]}/ruff.toml bans {module}"
        for file in files(ROOT)
        if file.name == "ruff.toml"
        for module in tomllib.loads((ROOT / file).read_text(encoding="utf-8"))["lint"]
        .get("flake8-tidy-imports", {})
        .get("banned-api", {})
    }
    others = {
        "ruff INP001",
        "ruff S102",
        "ruff S307",
        "ruff invalid-syntax",
        "dynamic imports",
        "layout",
        "architecture",
    }
    others |= {
        "ownership",
        "rule coverage",
        guardrails.STOPS,
        *(f"{tree} declares its libraries" for tree in TREES),
    }
    return sentences | bans | others


def test_every_rule_has_a_seeded_violation() -> None:
    assert set().union(*(violation.caught_by for violation in violations())) == _rules()


def test_every_seeded_violation_is_listed_with_what_catches_it() -> None:
    assert table() in (ROOT / "docs" / "border.md").read_text(encoding="utf-8")
