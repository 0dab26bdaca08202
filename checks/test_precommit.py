"""Hooks run the locked tools, need no git host, and stop what they are there to stop."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / ".pre-commit-config.yaml"
BIN = Path(sys.executable).parent
HOOKS = re.findall(r"- id: (\S+)", CONFIG.read_text(encoding="utf-8"))
MARKER = "<" * 7
OURS = ("GIT_DIR", "GIT_INDEX", "GIT_WORK", "PYTHONPATH", "VIRTUAL_ENV")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _git(clone: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=clone, check=True, capture_output=True)


def _tracked(root: Path) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone of the repository as it is here, committed or not."""
    clone = tmp_path_factory.mktemp("clone")
    for name in _tracked(ROOT):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    _git(clone, "init", "-q")
    _git(clone, "config", "user.name", "a test")
    _git(clone, "config", "user.email", "test@localhost")
    _git(clone, "config", "commit.gpgsign", "false")
    _git(clone, "add", "--all")
    _git(clone, "commit", "-q", "-m", "as it is here")
    return clone


@pytest.fixture(scope="module")
def run(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return what stages everything and runs hooks over it, in environments made for this test.

    They get uv and a Python, and nothing else of this environment: what a hook forgot to ask for is
    not to be found here.
    """
    home = tmp_path_factory.mktemp("prek")
    (home / "bin").mkdir()
    (home / "bin" / "uv").symlink_to(BIN / "uv")
    others = [word for word in os.environ["PATH"].split(os.pathsep) if Path(word) != BIN]
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(OURS)},
        "PREK_HOME": str(home / "hooks"),
        "PATH": os.pathsep.join((str(home / "bin"), str(Path(sys.base_prefix) / "bin"), *others)),
        "COLUMNS": "200",
    }

    def run_hooks(*hooks: str) -> subprocess.CompletedProcess[str]:
        _git(repository, "add", "--all")
        command = [BIN / "prek", "run", "--color", "never", *hooks]
        return subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, check=False
        )

    return run_hooks


@pytest.fixture
def clone(repository: Path) -> Iterator[Path]:
    """Lend the clone, and take back what the test has changed."""
    yield repository
    _git(repository, "reset", "-q", "--hard")
    _git(repository, "clean", "-fdq")


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def _shadow_the_standard_library(clone: Path) -> None:
    (clone / "platform" / "__init__.py").touch()


def _leave_a_conflict(clone: Path) -> None:
    _append(clone / "README.md", f"{MARKER} HEAD\n")


def _add_a_large_file(clone: Path) -> None:
    (clone / "docs" / "large.bin").write_bytes(bytes(1100 * 1024))


def _leave_an_unused_import(clone: Path) -> None:
    (clone / "contracts/src/isthmus_contracts/mistaken.py").write_text("import json\n")


def _format_badly(clone: Path) -> None:
    _append(clone / "noxfile.py", "MISTAKEN = {  1:2}\n")


def _cross_the_border(clone: Path) -> None:
    _append(clone / "platform/src/isthmus_platform/errors.py", "import isthmus_transforms\n")


def _change_the_catalog_alone(clone: Path) -> None:
    module = clone / "contracts/src/isthmus_contracts/catalog/nyc_flights.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(re.sub(r'owner="[^"]*"', 'owner="somebody else"', text), encoding="utf-8")


def _change_the_document_alone(clone: Path) -> None:
    _append(clone / "contracts/catalog.json", "\n")


VIOLATIONS: tuple[tuple[str, Callable[[Path], None], str], ...] = (
    ("no-platform-package", _shadow_the_standard_library, "platform/__init__.py must not exist"),
    ("no-merge-marker", _leave_a_conflict, "README.md"),
    ("no-large-file", _add_a_large_file, "docs/large.bin"),
    ("ruff-check", _leave_an_unused_import, "F401"),
    ("ruff-format", _format_badly, "files were modified by this hook"),
    ("import-linter", _cross_the_border, "each other BROKEN"),
    ("catalog-fresh", _change_the_catalog_alone, "does not match the catalog"),
    ("catalog-fresh", _change_the_document_alone, "does not match the catalog"),
)


@pytest.mark.parametrize(
    ("hook", "violate", "message"), VIOLATIONS, ids=lambda name: getattr(name, "__name__", None)
)
def test_a_hook_stops_a_violation(
    hook: str, violate: Callable[[Path], None], message: str, clone: Path, run: Run
) -> None:
    violate(clone)
    done = run(hook)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed" in done.stdout
    assert message in done.stdout


def test_a_sound_change_passes_every_hook(clone: Path, run: Run) -> None:
    module = clone / "contracts/src/isthmus_contracts/errors.py"
    _append(module, "\n\n# Nothing follows.\n")
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == len(HOOKS) - 1
    assert done.stdout.count("Skipped") == 1, "only platform/__init__.py is not there"


def test_every_hook_is_shown_to_stop_something() -> None:
    assert {hook for hook, _, _ in VIOLATIONS} == set(HOOKS)


def test_hooks_run_the_locked_versions() -> None:
    lock = (ROOT / "checks/requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^[a-z0-9-]+==[^ ]+", lock, re.MULTILINE))
    for dependencies in re.findall(r"additional_dependencies:.*?(\[.*?\])", CONFIG.read_text()):
        assert set(json.loads(dependencies)) <= locked, "write what checks/requirements.lock holds"
    assert "additional_dependencies" in CONFIG.read_text()


def test_every_hook_is_local() -> None:
    repositories = re.findall(r"\brepo: *(\S+)", CONFIG.read_text(encoding="utf-8"))
    assert repositories == ["local"]
    assert "://" not in CONFIG.read_text(encoding="utf-8")
