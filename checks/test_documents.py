"""The pages name only commands, sessions, files, modules and settings that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = {f"isthmus_{tree}": tree for tree in ("contracts", "platform", "transforms")}
# History, and the table of names that exist no more.
OLD_NAMES = ("CHANGELOG.md", "docs/glossary.md")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# What a reader of transforms/README.md adds.
EXAMPLES = ("busy_hours", "taxi_firm")
# Folders that commands make.
BUILT = (".nox", "out", "var")
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


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if str(page.relative_to(ROOT)) not in OLD_NAMES],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_page_names_paths_modules_and_commands_that_exist(page: Path) -> None:
    assert list(complaints(page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("See `platform/src/nowhere.py`.", "there is no path platform/src/nowhere.py"),
        ("See `isthmus_platform.lake.nowhere`.", "there is no isthmus_platform.lake.nowhere"),
        ("Call `isthmus_contracts.tables.Tabel`.", "there is no isthmus_contracts.tables.Tabel"),
        ("Run `isthmus-platform clean`.", "there is no command isthmus-platform clean"),
        ("Run\n```\n$ isthmus-platform clean --yes\n```\n", "isthmus-platform clean"),
        ("Run `isthmus draw x`.", "there is no command isthmus draw"),
        ("Set `retrys = 2`.", "there is no setting retrys"),
    ],
)
def test_a_page_that_names_something_else_is_caught(text: str, complaint: str) -> None:
    (found,) = complaints(text)
    assert complaint in found


def complaints(text: str) -> Iterator[str]:
    """Yield a sentence for each path, module, command or setting of a page that does not exist."""
    fenced = FENCED.findall(text)
    inline = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    for code in inline:
        if _is_path(code) and not (ROOT / code.rstrip("/")).exists():
            yield f"there is no path {code}"
        if re.fullmatch(r"isthmus_\w+(\.\w+)+", code) and not _is_name(code):
            yield f"there is no {code}"
        setting = re.match(r"([a-z_]+) = ", code)
        if setting and "pytest" not in code and not _is_setting(setting[1]):
            yield f"there is no setting {setting[1]}"
    for code in [*inline, *fenced]:
        for program, command in re.findall(r"\b(isthmus(?:-platform)?) ([a-z][a-z-]*)", code):
            if not _is_command(program, command):
                yield f"there is no command {program} {command}"


def _is_path(code: str) -> bool:
    folder, slash, _ = code.partition("/")
    if not slash or re.search(r"[<>*… ]", code) or folder in BUILT:
        return False
    if any(name in code for name in EXAMPLES):
        return False
    return (ROOT / folder).is_dir()


def _is_setting(name: str) -> bool:
    """Say whether a deployment file may have a setting of this name."""
    files = (ROOT / "platform/src/isthmus_platform/deployment").glob("*.py")
    return any(re.search(rf"^    {name}:", file.read_text(), re.MULTILINE) for file in files)


def _is_name(dotted: str) -> bool:
    """Say whether a module is there, or a module that has such a name."""
    package, *rest = dotted.split(".")
    source = ROOT / TREES[package] / "src" / package
    for index, name in enumerate(rest):
        if (source / name).is_dir() or (source / f"{name}.py").is_file():
            source = source / name if (source / name).is_dir() else source / f"{name}.py"
            continue
        file = source / "__init__.py" if source.is_dir() else source
        return all(re.search(rf"\b{name}\b", file.read_text()) for name in rest[index:])
    return True


def _is_command(program: str, command: str) -> bool:
    """Say whether the source of a program's command line names the command."""
    package = {"isthmus": "isthmus_transforms", "isthmus-platform": "isthmus_platform"}[program]
    source = ROOT / TREES[package] / "src" / package
    files = [*source.glob("cli.py"), *source.glob("cli/*.py")]
    return any(f'"{command}"' in file.read_text() for file in files)


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
