"""Every lock is what its project's dependencies resolve to, and installs from any index."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TREES = ("contracts", "platform", "transforms")
LOCKS = sorted(
    str(path.relative_to(ROOT))
    for name in ("*", "*/*", "checks/*/*", "platform/*/*")
    for path in ROOT.glob(f"{name}.lock")
)
_PINNED = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+( ; .+)?")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lock a copy of the repository's projects anew, preferring the versions locked now."""
    copy = tmp_path_factory.mktemp("repository")
    inputs = [f"{folder}/requirements.in" for folder in ("checks/odcs", "platform/s3-server")]
    inputs += ["bootstrap.in", "build.in", "docker/object-store.in", "platform/demo-data.in"]
    for path in [*LOCKS, "noxfile.py", *inputs]:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    for project in ROOT.glob("*/pyproject.toml"):
        (copy / project.parent.name).mkdir(exist_ok=True)
        shutil.copy(project, copy / project.parent.name)
    subprocess.run(["nox", "-s", "lock"], cwd=copy, check=True, capture_output=True)
    return copy


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_matches_its_project(lock: str, compiled: Path) -> None:
    assert (compiled / lock).read_text() == (ROOT / lock).read_text(), (
        f"{lock} does not match its project; write it anew: .venv/bin/nox -s lock"
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("\\\n", "")
    for line in text.splitlines():
        requirement, *hashes = line.split("--hash=sha256:")
        assert _PINNED.fullmatch(requirement.strip()), line
        assert hashes, line
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest.strip()) for digest in hashes), line


def test_every_build_back_end_is_locked() -> None:
    locked = (ROOT / "build.lock").read_text()
    projects = [path for path in ROOT.glob("*/pyproject.toml") if path.parent.name in TREES]
    assert len(projects) == len(TREES)
    for project in projects:
        for needed in tomllib.loads(project.read_text())["build-system"]["requires"]:
            assert needed in (ROOT / "build.in").read_text().splitlines()
            name, _, _ = needed.partition(">")
            assert re.search(rf"^{name}==", locked, re.MULTILINE), needed


def test_an_editable_install_builds_with_what_is_locked() -> None:
    installs = re.findall(r'uv\(session, "install", (.*)\)', (ROOT / "noxfile.py").read_text())
    assert len([install for install in installs if "*EDITABLE" in install]) == 2
    assert not [install for install in installs if '"-e"' in install]


def test_every_project_has_a_lock() -> None:
    projects = {path.parent.name for path in ROOT.glob("*/pyproject.toml")}
    assert {"contracts", "platform", "transforms", "checks"} <= projects
    assert {f"{name}/requirements.lock" for name in projects} <= set(LOCKS)
