"""Every lock is what its project's dependencies resolve to, and installs from any index."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
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
    inputs += ["bootstrap.in", "docker/object-store.in", "platform/demo-data.in"]
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


def test_every_project_has_a_lock() -> None:
    projects = {path.parent.name for path in ROOT.glob("*/pyproject.toml")}
    assert {"contracts", "platform", "transforms", "checks"} <= projects
    assert {f"{name}/requirements.lock" for name in projects} <= set(LOCKS)
