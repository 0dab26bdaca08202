from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import isthmus_platform
from isthmus_contracts import Identity, UnknownNameError
from isthmus_contracts.testing.sample_catalog import STATION_DAYS
from isthmus_platform import current, locate, open_lake, releases
from isthmus_platform.errors import DeploymentError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.releases import Release
from isthmus_platform.storage import DiskStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "company.toml"
    roots = f'[lake]\nroot = "{tmp_path / "lake"}"\n[runs]\nroot = "{tmp_path / "runs"}"\n'
    file.write_text(roots, encoding="utf-8")
    return file


@pytest.fixture
def release(tmp_path: Path, publish: Callable[[Lake, str], Release]) -> Release:
    return publish(Lake(DiskStore(tmp_path / "lake")), "run-1")


def test_a_deployment_file_opens_its_lake(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(DiskStore(tmp_path / "lake"))
    with pytest.raises(isthmus_platform.PlatformError, match=r"it has no isthmus-lake\.json"):
        open_lake(file)
    make_lake(lake)
    assert open_lake(file) == open_lake(str(file)) == lake
    monkeypatch.setenv("ISTHMUS_DEPLOYMENT", str(file))
    assert open_lake() == lake


def test_a_missing_deployment_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="it cannot be read"):
        open_lake(tmp_path / "missing.toml")


@pytest.mark.parametrize("dataflow", ["station_days", "station_days.v1", STATION_DAYS.identity])
def test_what_was_published_is_read(file: Path, release: Release, dataflow: str | Identity) -> None:
    lake = open_lake(file)
    assert current(lake, dataflow) == release
    assert releases(lake, dataflow) == ((release, True),)
    found = locate(lake, dataflow)
    assert found == locate(lake, dataflow, release.id)
    assert found.tables["days"].version == release.tables["days"].version


def test_an_unknown_name_is_refused_with_the_known_ones(file: Path, release: Release) -> None:
    lake = open_lake(file)
    with pytest.raises(UnknownNameError, match="'station_days'"):
        current(lake, "station_day")
    with pytest.raises(UnknownNameError, match=release.id):
        locate(lake, "station_days", "missing")


def test_nothing_is_current_before_the_first_release(file: Path, tmp_path: Path) -> None:
    make_lake(Lake(DiskStore(tmp_path / "lake")))
    lake = open_lake(file)
    assert current(lake, "station_days") is None
    assert releases(lake, "station_days") == ()
    with pytest.raises(isthmus_platform.UserError, match="has published no release yet"):
        locate(lake, "station_days")


def test_importing_the_package_loads_nothing_large() -> None:
    code = "import sys, isthmus_platform; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-S", "-c", code]
    loaded = subprocess.check_output(command, env=environment, text=True).split()
    large = {"airflow", "deltalake", "isthmus_contracts", "pyarrow", "rich", "sqlalchemy"}
    assert large.isdisjoint(loaded)
