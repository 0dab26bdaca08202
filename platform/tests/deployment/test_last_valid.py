"""Each host keeps the last valid deployment file for each dataflow."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from isthmus_contracts import DataflowContract
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.deployment import Deployment, keep_valid, last_valid, load_deployment

DAY = 24 * 3600
TEXT = """
[lake]
root = "/lake"
[runs]
root = "/runs"
[sources.parcel_firm]
connection = "nyc"
[runners.default]
command = ["python"]
home = "/home"
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "company.toml"


def deployed(file: Path, comment: str = "") -> Deployment:
    """Write a valid deployment file, and return what it says."""
    file.write_text(f"{TEXT}# {comment}\n")
    return load_deployment(file)


def kept(state: Path) -> set[str]:
    """Return the SHA-256 of each file that is kept."""
    return {path.stem for path in state.glob("deployments/*/*.toml")}


def keep(deployment: Deployment, dataflow: DataflowContract = STATION_DAYS) -> None:
    keep_valid(deployment.deploy(dataflow))


def first(file: Path, dataflow: DataflowContract = STATION_DAYS) -> Deployment | None:
    """Return the deployment that is kept for a dataflow."""
    return next((found.deployment for found in last_valid(file, dataflow)), None)


def test_where_nothing_valid_was_ever_seen_nothing_is_kept(file: Path) -> None:
    assert first(file) is None


def test_the_last_valid_file_is_what_it_was_when_it_is_gone(file: Path) -> None:
    deployment = deployed(file)
    keep(deployment)
    file.unlink()
    assert first(file) == deployment


def test_each_dataflow_has_its_own_last_valid_file(file: Path) -> None:
    old = deployed(file, "old")
    for dataflow in (STATION_DAYS, PARCEL_DELAYS):
        keep(old, dataflow)
    new = deployed(file, "new")
    keep(new, PARCEL_DELAYS)
    assert first(file) == old
    assert first(file, PARCEL_DELAYS) == new


def test_a_dataflow_that_this_host_never_ran_may_use_the_newest_file_of_others(file: Path) -> None:
    keep(deployed(file, "old"))
    new = deployed(file, "new")
    keep(new, PARCEL_DELAYS)
    assert first(file, COURIER_DAYS) == new


def test_a_file_that_was_valid_for_others_only_is_not_used(file: Path) -> None:
    file.write_text(f'{TEXT}[dataflows."station_days.v1"]\nretries = -1\n')
    keep(load_deployment(file), PARCEL_DELAYS)
    assert first(file) is None


def test_files_of_other_paths_are_kept_apart(file: Path, tmp_path: Path) -> None:
    keep(deployed(file))
    assert first(tmp_path / "other.toml") is None


def test_the_path_counts_and_not_what_it_points_to(file: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        deployed(tmp_path / name, name)
    file.symlink_to(tmp_path / "one")
    keep(load_deployment(file))
    file.unlink()
    file.symlink_to(tmp_path / "two")
    found = first(file)
    assert found is not None
    assert b"# one" in found.content


def test_a_kept_file_is_read_with_the_variables_of_now(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOT", "/before")
    file.write_text(TEXT.replace("/lake", "${ROOT}"))
    keep(load_deployment(file))
    monkeypatch.setenv("ROOT", "/after")
    found = first(file)
    assert found is not None
    assert found.lake.root == "/after"
    monkeypatch.delenv("ROOT")
    assert first(file) is None


def test_only_its_owner_reads_what_is_kept(file: Path, state: Path) -> None:
    keep(deployed(file))
    (path,) = state.glob("deployments/*/*.toml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for directory in (path.parent, path.parent.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_files_that_no_dataflow_uses_are_removed_after_a_day(file: Path, state: Path) -> None:
    digests = []
    for comment in ("first", "second", "third"):
        deployment = deployed(file, comment)
        keep(deployment)
        digests.append(deployment.digest)
        for path in state.glob(f"deployments/*/{digests[0]}.toml"):
            written = path.stat().st_mtime - 2 * DAY
            os.utime(path, (written, written))
    assert kept(state) == set(digests[1:])


def test_what_is_kept_is_not_written_again(file: Path, state: Path) -> None:
    deployment = deployed(file)
    keep(deployment)
    (path,) = state.glob("deployments/*/*.toml")
    written = path.stat().st_mtime_ns
    keep(deployment)
    assert path.stat().st_mtime_ns == written
    path.unlink()
    keep(deployment)
    assert first(file) == deployment


def test_a_state_that_cannot_be_written_is_a_warning(
    file: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state.write_text("not a directory")
    keep(deployed(file))
    assert "is not kept as the last valid file: " in caplog.text
    assert first(file) is None


def test_without_a_state_files_are_kept_in_airflows_home(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISTHMUS_STATE")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    keep(deployed(file))
    assert kept(tmp_path / "airflow" / "isthmus")
