"""The packages of the three trees are complete, and work where no checkout is near."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD_LOCK = ROOT / "build.lock"
TREES = ("contracts", "platform", "transforms")
# What is not imported and yet needed, by its name: modules may move.
PACKAGE_DATA = {
    "contracts": {"py.typed"},
    "platform": {"py.typed", ".airflowignore", "isthmus_dags.py", "compose.toml", "local.toml"},
    "transforms": {"py.typed"},
}
# An sdist holds what git tracks, and nothing that a checkout has gathered.
STRAYS = (".venv/", "__pycache__/", ".mypy_cache/", ".pytest_cache/", ".hypothesis/")
CLEAN = {
    name: text
    for name, text in os.environ.items()
    if not name.startswith(("PYTHON", "VIRTUAL_ENV", "ISTHMUS_", "AIRFLOW"))
}

Run = Callable[..., str]


def _run(*command: object, folder: Path) -> str:
    environment = CLEAN | {"AIRFLOW_HOME": str(folder / "airflow"), "COLUMNS": "200"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{command} in {folder}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _version(tree: str) -> str:
    project = tomllib.loads((ROOT / tree / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build each tree's sdist, and from the sdist the wheel."""
    folder = tmp_path_factory.mktemp("distributions")
    for tree in TREES:
        options = ("--build-constraints", BUILD_LOCK, "--require-hashes", "--out-dir", folder)
        _run("uv", "build", "-q", *options, ROOT / tree, folder=folder)
    return folder


def _wheel(distributions: Path, tree: str) -> Path:
    return distributions / f"isthmus_{tree}-{_version(tree)}-py3-none-any.whl"


def _environment(tree: str, distributions: Path, folder: Path) -> Run:
    """Install a tree's lock and the two wheels; return what runs one of its programs."""
    venv = folder / "venv"
    python = venv / "bin" / "python"
    uv = ("uv", "pip")
    _run("uv", "venv", "-q", "--python", sys.executable, venv, folder=folder)
    lock = ROOT / tree / "requirements.lock"
    _run(*uv, "sync", "-q", "--python", python, "--require-hashes", lock, folder=folder)
    wheels = [_wheel(distributions, name) for name in ("contracts", tree)]
    _run(*uv, "install", "-q", "--python", python, "--no-deps", *wheels, folder=folder)
    _run(*uv, "check", "-q", "--python", python, folder=folder)

    def run(program: str, *arguments: object) -> str:
        return _run(venv / "bin" / program, *arguments, folder=folder)

    return run


@pytest.fixture(scope="session")
def platform(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _environment("platform", distributions, tmp_path_factory.mktemp("platform"))


@pytest.fixture(scope="session")
def transforms(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _environment("transforms", distributions, tmp_path_factory.mktemp("transforms"))


@pytest.mark.parametrize("tree", TREES)
def test_a_wheel_holds_every_file_of_the_package_and_no_other(
    tree: str, distributions: Path
) -> None:
    with zipfile.ZipFile(_wheel(distributions, tree)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."],
        cwd=ROOT / tree / "src",
        check=True,
        capture_output=True,
        text=True,
    )
    here = {name for name in listed.stdout.split("\0") if (ROOT / tree / "src" / name).is_file()}
    assert packed == here
    assert {Path(name).name for name in packed} >= PACKAGE_DATA[tree]


@pytest.mark.parametrize("how", [["build", "--require-hashes"], ["pip", "install", "--no-deps"]])
def test_a_build_back_end_with_another_hash_is_refused(how: list[str], tmp_path: Path) -> None:
    wrong = tmp_path / "build.lock"
    digest = re.compile(r"(?<=sha256:)[0-9a-f]{64}")
    wrong.write_text(digest.sub("0" * 64, BUILD_LOCK.read_text(encoding="utf-8")))
    _run("uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv", folder=tmp_path)
    places = {
        "build": ["--out-dir", tmp_path, ROOT / "contracts"],
        "pip": ["--python", tmp_path / "venv" / "bin" / "python", "-e", ROOT / "contracts"],
    }
    command = ["uv", *how, "--build-constraints", wrong, *places[how[0]]]
    with pytest.raises(AssertionError, match="Hash mismatch for `"):
        _run(*command, folder=tmp_path)


@pytest.mark.parametrize("tree", TREES)
def test_an_sdist_holds_nothing_that_a_checkout_gathers(tree: str, distributions: Path) -> None:
    with tarfile.open(distributions / f"isthmus_{tree}-{_version(tree)}.tar.gz") as sdist:
        names = sdist.getnames()
    assert any(name.endswith("/pyproject.toml") for name in names)
    assert not [name for name in names if any(stray in f"{name}/" for stray in STRAYS)]


@pytest.mark.parametrize("tree", ["platform", "transforms"])
def test_what_is_installed_lies_outside_the_checkout(
    tree: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(tree)
    names = ("isthmus_contracts", f"isthmus_{tree}")
    for name in names:
        place = run("python", "-c", f"import {name}; print({name}.__file__)").strip()
        assert "site-packages" in place
        assert not Path(place).is_relative_to(ROOT)
        version = run(
            "python", "-c", f"from importlib.metadata import version; print(version({name!r}))"
        )
        assert version.strip() == _version(tree)


def test_a_data_scientist_reads_and_computes_a_dataflow(transforms: Run, tmp_path: Path) -> None:
    assert "describe" in transforms("isthmus", "--help")
    assert "flight_features" in transforms("isthmus", "describe", "flight_delays")
    program = Path(__file__).with_name("tiny_inputs.py")
    shutil.copy(program, tmp_path)
    transforms("python", tmp_path / program.name, "airport_days", tmp_path / "inputs")
    inputs, out = tmp_path / "inputs", tmp_path / "out"
    transforms("isthmus", "run", "airport_days", "--inputs", inputs, "--out", out)
    assert {file.name for file in out.iterdir()} == {"days.parquet", "delay_calendar.png"}
    table = f"parquet.read_table({str(out / 'days.parquet')!r})"
    code = f"from pyarrow import parquet; print({table}['flights'].to_pylist())"
    assert transforms("python", "-c", code).strip() == "[2]"


def test_the_platform_checks_the_built_in_deployment(platform: Run) -> None:
    assert "check" in platform("isthmus-platform", "--help")
    checked = platform("isthmus-platform", "check")
    assert "flight_delays.v1" in checked
    assert "ingest > transform > publish" in checked


def test_the_platform_finds_the_dag_file(platform: Run) -> None:
    """The DAG file makes a DAG of each dataflow, as it does in a checkout."""
    code = (
        "import runpy, isthmus_platform, pathlib;"
        "file = pathlib.Path(isthmus_platform.__file__).parent / 'dags' / 'isthmus_dags.py';"
        "made = runpy.run_path(str(file)).values();"
        "from airflow.sdk import DAG;"
        "print(*sorted(dag.dag_id for dag in made if isinstance(dag, DAG)))"
    )
    assert "flight_delays.v1" in platform("python", "-c", code)
