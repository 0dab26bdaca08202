"""A dataflow and a dataset, added as transforms/README.md says, break no test of any tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD_LOCK = ROOT / "build.lock"
TREES = ("contracts", "platform", "transforms")
# A file of the README: the last path before a block, and the block.
STEP = re.compile(r"`([\w/]+\.(?:py|toml))`[^`]*\n\n```(python|diff|toml)\n(.*?)```", re.DOTALL)
FLOWS, IDIOMATIC = "isthmus_transforms.dataflows", "idiomatic"
DOCUMENT = "python -m isthmus_contracts document contracts/catalog.json"
USES_CATALOG = re.compile(r"^from isthmus_contracts\.catalog import .*\bCATALOG\b", re.MULTILINE)
CLEAN = {
    name: text
    for name, text in os.environ.items()
    if not name.startswith(("PYTHON", "VIRTUAL_ENV", "ISTHMUS_", "AIRFLOW", "GIT_"))
}


def run(*command: object, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=CLEAN | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{command} in {folder}:\n{done.stdout}{done.stderr}"
    return done.stdout


def follow(readme: str, root: Path) -> list[str]:
    """Write, change and extend the files of a README's steps; return their paths."""
    paths = []
    for path, kind, text in STEP.findall(readme):
        file = root / path
        if kind == "python":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif kind == "toml":
            file.write_text(file.read_text(encoding="utf-8") + f"\n{text}", encoding="utf-8")
        else:
            for change in text.rstrip("\n").split("\n\n"):
                old, new = (
                    "\n".join(line[1:] for line in change.splitlines() if line[0] in marks)
                    for marks in (" -", " +")
                )
                content = file.read_text(encoding="utf-8")
                assert content.count(old) == 1, f"{path} has not once:\n{old}"
                file.write_text(content.replace(old, new), encoding="utf-8")
        paths.append(path)
    return paths


def test_the_readme_shows_each_file_that_a_newcomer_writes(tmp_path: Path) -> None:
    catalog = "contracts/src/isthmus_contracts/catalog"
    local = "platform/src/isthmus_platform/deployment/local.toml"
    for path in (f"{catalog}/__init__.py", local):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    readme = (ROOT / "transforms" / "README.md").read_text(encoding="utf-8")
    dataflow = "transforms/src/isthmus_transforms/dataflows/busy_hours"
    assert follow(readme, tmp_path) == [
        f"{catalog}/busy_hours.py",
        f"{dataflow}/hours.py",
        f"{dataflow}/__init__.py",
        "transforms/tests/dataflows/busy_hours/test_hours.py",
        f"{catalog}/__init__.py",
        f"{catalog}/taxi_firm.py",
        f"{catalog}/__init__.py",
        local,
    ]
    assert DOCUMENT in readme


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository, follow the README, and write the document."""
    root = tmp_path_factory.mktemp("copy")
    options = ("-z", "--cached", "--others", "--exclude-standard")
    listed = run("git", "ls-files", *options, folder=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    follow((root / "transforms" / "README.md").read_text(encoding="utf-8"), root)
    run(sys.executable, *DOCUMENT.split()[1:], folder=root, PYTHONPATH="contracts/src")
    run("git", "init", "-q", folder=root)
    run("git", "add", ".", folder=root)
    return root


@pytest.fixture
def idiomatic(copy: Path) -> Iterator[Path]:
    """Add a package of functions as people write them for Hamilton, in nobody's style."""
    package = copy / "transforms/src/isthmus_transforms/dataflows" / IDIOMATIC
    package.mkdir()
    shutil.copy(Path(__file__).with_name("idiomatic_hamilton.txt"), package / "__init__.py")
    yield package
    shutil.rmtree(package)


def _append(package: Path, line: str) -> None:
    with (package / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


@pytest.mark.parametrize("tree", TREES)
def test_what_looks_at_the_catalog_accepts_it(
    tree: str, copy: Path, idiomatic: Path, tmp_path: Path
) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run("uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv", folder=copy)
    lock = f"{tree}/requirements-test.lock"
    uv = ("uv", "pip")
    run(*uv, "sync", "-q", "--python", python, "--require-hashes", lock, folder=copy)
    for part in dict.fromkeys(("contracts", tree)):
        options = ("--no-deps", "--build-constraints", BUILD_LOCK, "-e", part)
        run(*uv, "install", "-q", "--python", python, *options, folder=copy)
    tests = [
        path.relative_to(copy / tree)
        for path in sorted((copy / tree / "tests").rglob("test_*.py"))
        if USES_CATALOG.search(path.read_text(encoding="utf-8"))
    ]
    if tree == "platform":
        # Its tests have a catalog of their own; what it does with this one is its command and DAGs.
        assert tests == []
        program = python.with_name("isthmus-platform")
        assert "busy_hours.v1" in run(program, "check", folder=tmp_path)
        return
    assert tests
    if tree == "transforms":
        tests.append(Path("tests/dataflows/busy_hours"))
        mypy = (python, "-m", "mypy", "-p", f"{FLOWS}.busy_hours", "-p", f"{FLOWS}.{IDIOMATIC}")
        run(*mypy, folder=copy / tree)
        _append(idiomatic, "wrong = spend_mean()")
        with pytest.raises(AssertionError, match=r"\[call-arg\]"):
            run(*mypy, folder=copy / tree)
        described = run(python.with_name("isthmus"), "describe", "busy_hours", folder=copy)
        assert "Counts the flights by hour of departure." in described
    run(python, "-m", "pytest", "-q", *tests, folder=copy / tree)


def test_ruff_accepts_idiomatic_hamilton_in_a_dataflow_only(idiomatic: Path) -> None:
    program = Path(sys.executable).with_name("ruff")
    ruff = (program, "check", "--no-cache", "--output-format=concise")
    run(*ruff, idiomatic, folder=idiomatic)
    runtime = idiomatic.parents[1] / "runtime" / "idiomatic.py"
    shutil.move(idiomatic / "__init__.py", runtime)
    with pytest.raises(AssertionError, match=r"idiomatic\.py:\d+:\d+: ANN001"):
        run(*ruff, runtime, folder=idiomatic)
    runtime.unlink()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("import airflow", "TID251"), ("x = undefined", "F821"), ("eval('1')", "S307")],
)
def test_a_mistake_in_a_dataflow_is_still_found(idiomatic: Path, wrong: str, code: str) -> None:
    _append(idiomatic, wrong)
    with pytest.raises(AssertionError, match=code):
        run(Path(sys.executable).with_name("ruff"), "check", "--no-cache", ".", folder=idiomatic)


def test_the_rules_of_the_repository_accept_it(copy: Path) -> None:
    python = Path(sys.executable)
    run(python.with_name("ruff"), "check", "--no-cache", ".", folder=copy)
    run(python.with_name("ruff"), "format", "--no-cache", "--check", ".", folder=copy)
    sources = os.pathsep.join(f"{copy}/{tree}/src" for tree in TREES)
    run(
        python.with_name("lint-imports"), "--no-cache", "--no-logo", folder=copy, PYTHONPATH=sources
    )
    names = ("mirrors", "owners", "samples", "words")
    tests = [f"checks/test_{name}.py" for name in names]
    run(python, "-m", "pytest", "-q", *tests, folder=copy, PYTHONPATH=sources)
