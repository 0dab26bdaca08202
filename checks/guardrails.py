"""The guardrails that hold the border: each takes a repository's root and says what it caught."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import architecture
import dynamic_imports
import owners
import rule_coverage
from repository import PACKAGES, TREES, files

STOPS = "imports: the linter stops"
BIN = Path(sys.executable).parent
WIDE = "10000"

# Where a test compiles code of its own making.
COMPILING = (
    "transforms/tests/programs/staleness.py",
    "transforms/tests/runtime/test_code_location.py",
    "transforms/tests/test_readme.py",
)


@dataclass(frozen=True, slots=True, order=True)
class Catch:
    """Say which rule a change breaks, and where."""

    rule: str
    detail: str


Net = Callable[[Path, Sequence[Path]], Iterator[Catch]]
"""Takes the root, and the folders in which Python looks for the three packages."""


def imports(root: Path, path: Sequence[Path]) -> Iterator[Catch]:
    """Catch what import-linter catches: a rule is the sentence that names its contract."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": WIDE}
    command = [BIN / "lint-imports", "--no-cache", "--no-logo"]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    broken = re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE)
    for sentence in broken:
        yield Catch(sentence, _shortened(done.stdout))
    if done.returncode and not broken:
        yield Catch(STOPS, _shortened(done.stdout + done.stderr))


def bans(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch what ruff catches for the border, in tests and DAG files too, whatever `noqa` says."""
    command = [BIN / "ruff", "check", "--no-cache", "--ignore-noqa", "--output-format", "json"]
    codes = ["--select", "TID251,INP001,S102,S307"]
    done = subprocess.run(
        [*command, *codes, "."], cwd=root, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        yield Catch("bans: ruff stops", _shortened(done.stderr))
        return
    for violation in json.loads(done.stdout):
        file = str(Path(violation["filename"]).relative_to(root.resolve()))
        if violation["code"] in ("S102", "S307") and file in COMPILING:
            continue
        rule = f"ruff {violation['code']}"
        if violation["code"] == "TID251":
            banned = violation["message"].split("`")[1]
            rule = f"{Path(file).parts[0]}/ruff.toml bans {banned}"
        yield Catch(rule, f"{file}: {violation['message']}")


def dynamic(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch code that loads modules under a computed name."""
    for complaint in dynamic_imports.complaints(root):
        yield Catch("dynamic imports", complaint)


def libraries(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch libraries that a tree imports and does not declare, or declares and does not import."""

    def look(tree: str) -> list[Catch]:
        command = [BIN / "deptry", "src", "--no-ansi", "-o", "/dev/stdout"]
        done = subprocess.run(command, cwd=root / tree, capture_output=True, text=True, check=False)
        found = done.stdout.find("[")
        if found < 0:
            return [Catch(f"{tree}: deptry stops", _shortened(done.stderr))]
        issues, _ = json.JSONDecoder().raw_decode(done.stdout[found:])
        return [
            Catch(
                f"{tree} declares its libraries", f"{issue['module']}: {issue['error']['message']}"
            )
            for issue in issues
        ]

    with ThreadPoolExecutor() as pool:
        for catches in pool.map(look, TREES):
            yield from catches


def layout(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch files where none may be: they shadow the standard library or hide from guardrails."""
    for tree in TREES:
        if (root / tree / "__init__.py").exists():
            yield Catch("layout", f"{tree}/__init__.py makes a package of the tree; remove it")
    homes = (
        *(f"{tree}/src/{package}/" for tree, package in zip(TREES, PACKAGES, strict=True)),
        *(f"{tree}/tests/" for tree in TREES),
        *("checks/", "integration/", "benchmarks/", "docker/", "noxfile.py"),
    )
    for file in files(root):
        if file.suffix == ".py" and not str(file).startswith(homes):
            yield Catch("layout", f"{file} is outside every package and test folder; move it")


def pages(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch an architecture page that shows other layers than those enforced."""
    for complaint in architecture.complaints(root):
        yield Catch("architecture", complaint)


def ownership(root: Path, path: Sequence[Path]) -> Iterator[Catch]:  # noqa: ARG001 - a guardrail's signature
    """Catch paths whose owners are not those agreed on."""
    for complaint in owners.complaints(root):
        yield Catch("ownership", complaint)


def rule_coverage_problems(root: Path, path: Sequence[Path]) -> Iterator[Catch]:
    """Catch rules that no longer look at what they are for."""
    for complaint in rule_coverage.complaints(root, path):
        yield Catch("rule coverage", complaint)


GUARDRAILS: tuple[Net, ...] = (
    imports,
    bans,
    dynamic,
    libraries,
    layout,
    pages,
    ownership,
    rule_coverage_problems,
)


def caught(root: Path, path: Sequence[Path] | None = None) -> list[Catch]:
    """Return what all guardrails catch in the repository at `root`, side by side."""
    folders = path or [root / tree / "src" for tree in TREES]
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda guardrail: list(guardrail(root, folders)), GUARDRAILS)
        return sorted(catch for catches in found for catch in catches)


def _shortened(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-40:])
