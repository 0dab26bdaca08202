"""Pools and connections are looked for where Airflow has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.cli.airflow_objects import (
    connection_problems,
    known_pools,
    named_pools,
    pool_mistakes,
)
from isthmus_platform.deployment import (
    DeployedDataflow,
    Deployment,
    LakeLocation,
    Runner,
    RunsLocation,
    Settings,
    Source,
    StageSettings,
)

AIRFLOW = (sys.executable, "-m", "airflow")
STAGED = Settings(
    pool="io", stages=("joined_parcels",), stage={"joined_parcels": StageSettings(pool="big")}
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an environment that says nothing of an Airflow."""
    for name in os.environ:
        if name.startswith("AIRFLOW"):
            monkeypatch.delenv(name)


def deployment(connection: str = "erp", lake: LakeLocation | None = None) -> Deployment:
    return Deployment(
        Path("company.toml"),
        lake or LakeLocation("/lake"),
        RunsLocation("/runs"),
        {"parcel_firm": Source(connection)},
        {"default": Runner(("python",), "/home")},
        {},
        {},
    )


def deployed(settings: Settings) -> DeployedDataflow:
    return DeployedDataflow(PARCEL_DELAYS, settings, deployment())


def problems(found: Deployment, state: Path) -> list[tuple[str, str, bool]]:
    return list(connection_problems(found, state))


def test_the_pools_of_a_dataflow_and_of_its_stages_are_checked() -> None:
    assert named_pools([deployed(STAGED), deployed(Settings())]) == {"io", "big"}
    known = ["default_pool", "io", "bigger"]
    (mistake,) = pool_mistakes([deployed(STAGED), deployed(Settings())], known)
    assert str(mistake) == (
        "company.toml, [dataflows.\"parcel_delays.v1\"].stage.joined_parcels: unknown pool 'big'; "
        "did you mean 'bigger'?; a task would wait for ever"
    )


def test_without_an_airflow_nothing_is_known_of_pools(tmp_path: Path) -> None:
    assert known_pools(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_this_environment_cannot_know_is_no_certain_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, problem = "[sources.parcel_firm]", "no Airflow connection 'erp' is known here"
    assert problems(deployment(), tmp_path) == [(place, problem, False)]
    monkeypatch.setenv("AIRFLOW_CONN_ERB", "sqlite:////erp.sqlite")
    assert problems(deployment(), tmp_path) == [(place, problem, True)]
    monkeypatch.setenv("AIRFLOW_CONN_ERP", "sqlite:////erp.sqlite")
    assert problems(deployment(), tmp_path) == []
    assert problems(deployment("nyc_operations"), tmp_path) == []  # local commands have it


def test_a_connection_of_a_wrong_type_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ERP", "nosuchtype://host")
    ((place, problem, certain),) = problems(deployment(), tmp_path)
    assert (place, certain) == ("[sources.parcel_firm]", True)
    assert problem.startswith("connection 'erp' of type 'nosuchtype' cannot be read: ")
    monkeypatch.setenv("AIRFLOW_CONN_ERP", "sqlite:////erp.sqlite")
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET", "sqlite:////erp.sqlite")
    lake = LakeLocation("s3://bucket/lake", "bucket", "/cache")
    wrong = ("[lake]", "connection 'bucket' is of type 'sqlite'; allowed: 'aws'", True)
    assert problems(deployment(lake=lake), tmp_path) == [wrong]
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET", "aws://key:secret@")
    assert problems(deployment(lake=lake), tmp_path) == []


@pytest.mark.slow
def test_pools_and_connections_of_airflows_database_are_found(tmp_path: Path) -> None:
    home = tmp_path / "airflow"
    home.mkdir()
    # As the local Airflow of this state has it.
    variables = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    for command in (
        ("db", "migrate"),
        ("pools", "set", "io", "4", "for sources"),
        ("connections", "add", "erp", "--conn-uri", "postgres://user:password@host/db"),
    ):
        subprocess.run([*AIRFLOW, *command], env=variables, check=True, capture_output=True)
    assert known_pools(tmp_path) == ["default_pool", "io"]
    assert problems(deployment(), tmp_path) == []
    ((_, problem, _),) = problems(deployment("other"), tmp_path)
    assert problem == "no Airflow connection 'other' is known here"
