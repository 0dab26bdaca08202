"""The two sides may disagree on the version of a library, even of the one that writes the data."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import FLIGHT_DELAYS, ROOT, TRANSFORMS_PYTHON, Airflow
from pyarrow import parquet

from isthmus_contracts.catalog import CATALOG
from isthmus_platform.deployment import Runner
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.runners.capabilities import runner_capabilities
from isthmus_platform.storage import DiskStore

THEIRS = "22.0.0"  # the oldest pyarrow that both projects allow


@pytest.fixture
def older_pyarrow(tmp_path: Path) -> Path:
    """Return a directory that holds an older pyarrow for the transforms' Python."""
    places = os.pathsep.join((str(ROOT / ".venv" / "bin"), os.environ["PATH"]))
    uv = shutil.which("uv", path=places)
    assert uv, "uv is not on the path; `make .venv/bin/nox` installs it"
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    where = ["--python", str(TRANSFORMS_PYTHON), "--target", str(tmp_path / "older")]
    subprocess.run([*command, *where, f"pyarrow=={THEIRS}"], check=True, timeout=300)
    return tmp_path / "older"


def test_each_side_runs_with_a_pyarrow_of_its_own(
    airflow: Airflow, older_pyarrow: Path, tmp_path: Path
) -> None:
    assert pa.__version__ != THEIRS
    home = 'home = "${ISTHMUS_STATE}/runner"'
    airflow.deploy((home, f'{home}\nenvironment = {{ PYTHONPATH = "{older_pyarrow}" }}'))
    run = airflow.run()
    assert run.state == "success", airflow.log(run, "transform")

    lake = Lake(DiskStore(airflow.state / "lake"))
    identity = CATALOG.dataflow(FLIGHT_DELAYS).identity
    (made,) = [release for release, _ in releases.releases(lake, identity) if release.run == run.id]
    published = [releases.pin(made, name) for name in made.tables]
    assert {writer(lake, pin) for pin in made.inputs.values()} == {pa.__version__}
    # The platform writes what is published, too. Which pyarrow a runner has, it says itself.
    assert {writer(lake, pin) for pin in published} == {pa.__version__}
    command = (str(TRANSFORMS_PYTHON), "-m", "isthmus_transforms.runner")
    runner = Runner(command, str(tmp_path / "home"), {"PYTHONPATH": str(older_pyarrow)})
    assert runner_capabilities(runner).libraries["pyarrow"] == THEIRS


def writer(lake: Lake, pin: Pin) -> str:
    """Return the version of pyarrow in the process that wrote a table, as its file says it."""
    (file,) = files_of(lake.path(pin.table), pin.version)
    writer_name = parquet.read_metadata(file.local()).created_by
    found = re.fullmatch(r"parquet-cpp-arrow version (\S+)", writer_name)
    assert found, writer_name
    return found[1]
