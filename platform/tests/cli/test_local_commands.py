from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from isthmus_contracts import ContractError
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.cli.local_commands import (
    local_installation,
    parse_params,
    pools_of,
    readers_of,
)
from isthmus_platform.deployment import LOCAL, load_deployment
from isthmus_platform.local_airflow import InstallationError


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "/usr/bin/python3")
    return argparse.Namespace(state=tmp_path, deployment=LOCAL, port=8123)


def test_params_get_the_types_of_the_contract() -> None:
    assert parse_params(PARCEL_DELAYS, ["test_from_month=11"]) == {"test_from_month": 11}
    assert parse_params(PARCEL_DELAYS, []) == {}


@pytest.mark.parametrize("text", ["modle=x", "test_from_month=May", "test_from_month"])
def test_a_param_that_the_contract_refuses_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=text.partition("=")[0]):
        parse_params(PARCEL_DELAYS, [text])


def test_airflow_reads_the_packages_dag_file(options: argparse.Namespace) -> None:
    assert (local_installation(options).dags_folder / "isthmus_dags.py").is_file()


def test_connections_of_the_shell_replace_that_of_the_sample_database(
    options: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "AIRFLOW_CONN_NYC_OPERATIONS"
    monkeypatch.delenv(name, raising=False)
    database = tmp_path.resolve() / "company.sqlite"
    assert local_installation(options).environment[name] == f"sqlite:///{database}"
    monkeypatch.setenv(name, "postgresql://elsewhere")
    environment = local_installation(options).environment
    assert environment[name] == "postgresql://elsewhere"
    assert environment["ISTHMUS_STATE"] == str(tmp_path)


@pytest.mark.parametrize("character", "%?#")
def test_a_state_whose_path_is_not_a_plain_url_is_refused(
    options: argparse.Namespace, character: str
) -> None:
    options.state = options.state / f"a{character}b"
    with pytest.raises(InstallationError, match=r"choose another path with --state") as refused:
        local_installation(options)
    assert f"contains {character}, which" in str(refused.value)


def test_dataflows_without_a_schedule_are_triggered_by_what_they_read(
    tmp_path: Path, options: argparse.Namespace
) -> None:
    assert options.state == tmp_path  # the file's variables are set
    both = ["station_days.v1", "courier_days.v1"]
    assert readers_of(PARCEL_DELAYS, load_deployment(PARCELS)) == both
    assert readers_of(COURIER_DAYS, load_deployment(PARCELS)) == []
    file = tmp_path / "company.toml"
    file.write_text(
        PARCELS.read_text() + '\n[dataflows."station_days.v1"]\nschedule = "0 4 * * *"\n'
    )
    assert readers_of(PARCEL_DELAYS, load_deployment(file)) == ["courier_days.v1"]


def test_the_pools_are_those_of_every_task(tmp_path: Path, options: argparse.Namespace) -> None:
    assert options.state == tmp_path  # the file's variables are set
    assert pools_of(PARCEL_DELAYS, load_deployment(PARCELS)) == ("default_pool",)
    file = tmp_path / "company.toml"
    file.write_text(
        PARCELS.read_text()
        + """
[dataflows."parcel_delays.v1"]
pool = "small"
stages = ["joined_parcels"]
[dataflows."parcel_delays.v1".stage.joined_parcels]
pool = "large"
[dataflows."station_days.v1"]
retries = -1
"""
    )
    assert pools_of(PARCEL_DELAYS, load_deployment(file)) == ("small", "large")
    assert pools_of(STATION_DAYS, load_deployment(file)) == ()
