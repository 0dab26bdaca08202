from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts import ContractError, Param
from isthmus_contracts.testing.sample_catalog import COURIER_DAYS, PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.cli.local_commands import (
    local_installation,
    make_own_lake,
    parse_params,
    pools_of,
    readers_of,
)
from isthmus_platform.deployment import LOCAL, Deployment, load_deployment
from isthmus_platform.errors import NoLakeError
from isthmus_platform.lake_access import open_lake
from isthmus_platform.local_airflow import InstallationError

PARCELS = Path(__file__).parents[1] / "parcels.toml"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "/usr/bin/python3")
    return argparse.Namespace(state=tmp_path, deployment=LOCAL, port=8123)


def test_params_get_the_types_of_the_contract() -> None:
    assert parse_params(PARCEL_DELAYS, ["test_from_month=11"]) == {"test_from_month": 11}
    assert parse_params(PARCEL_DELAYS, []) == {}
    listed = (
        Param("months", "array", [1], "Which.", of="integer", minimum=1, maximum=12),
        Param("weights", "object", {"JFK": 1.0}, "How much.", of="number"),
    )
    contract = replace(PARCEL_DELAYS, params=listed)
    texts = ["months=[2, 3]", 'weights={"a=b": 0.5}']
    assert parse_params(contract, texts) == {"months": [2, 3], "weights": {"a=b": 0.5}}
    with pytest.raises(ContractError, match=r"'months' is '2,3'; .* as JSON, such as \[1\]$"):
        parse_params(contract, ["months=2,3"])
    with pytest.raises(ContractError, match=r"'months\[1\]' is 13; allowed: integer from 1 to 12"):
        parse_params(contract, ["months=[2,13]"])
    with pytest.raises(ContractError, match="unknown param 'month'; did you mean 'months'"):
        parse_params(contract, ["month=[2]"])


@pytest.mark.parametrize("text", ["modle=x", "test_from_month=May", "test_from_month"])
def test_a_param_that_the_contract_refuses_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=text.partition("=")[0]):
        parse_params(PARCEL_DELAYS, [text])


def test_airflow_reads_the_packages_dag_file(options: argparse.Namespace) -> None:
    installation = local_installation(options, load_deployment(LOCAL))
    assert (installation.dags_folder / "isthmus_dags.py").is_file()


def test_connections_of_the_shell_replace_that_of_the_sample_database(
    options: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "AIRFLOW_CONN_NYC_OPERATIONS"
    monkeypatch.delenv(name, raising=False)
    database = tmp_path.resolve() / "company.sqlite"
    deployment = load_deployment(LOCAL)
    assert local_installation(options, deployment).environment[name] == f"sqlite:///{database}"
    monkeypatch.setenv(name, "postgresql://elsewhere")
    environment = local_installation(options, deployment).environment
    assert environment[name] == "postgresql://elsewhere"
    assert environment["ISTHMUS_STATE"] == str(tmp_path)


def test_one_variable_sets_the_password_and_reaches_no_task(
    options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, expected in (("one's own", "one's own"), ("", None)):
        monkeypatch.setenv("ISTHMUS_PASSWORD", value)
        installation = local_installation(options, load_deployment(LOCAL))
        assert installation.password == expected
        assert "ISTHMUS_PASSWORD" not in installation.environment
    monkeypatch.delenv("ISTHMUS_PASSWORD")
    assert local_installation(options, load_deployment(LOCAL)).password is None


@pytest.mark.parametrize("character", "%?#")
def test_a_state_whose_path_is_not_a_plain_url_is_refused(
    options: argparse.Namespace, character: str
) -> None:
    options.state = options.state / f"a{character}b"
    with pytest.raises(InstallationError, match=r"choose another path with --state") as refused:
        local_installation(options, load_deployment(LOCAL))
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


def with_lake(tmp_path: Path, root: str, more: str = "") -> Deployment:
    """Return the local deployment with its lake elsewhere."""
    file = tmp_path / "company.toml"
    text = PARCELS.read_text()
    assert "${ISTHMUS_STATE}/lake" in text
    file.write_text(text.replace("${ISTHMUS_STATE}/lake", root) + more)
    return load_deployment(file)


def test_tasks_get_the_variables_that_the_deployment_names_and_those_of_the_bucket(
    tmp_path: Path, options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"POOL": "large", "BASE": "/data", "AWS_ACCESS_KEY_ID": "key", "OTHER": "x"}
    reserved = {"AIRFLOW__CORE__EXECUTOR": "X", "AIRFLOW_HOME": "/x"}
    for name, value in (given | reserved).items():
        monkeypatch.setenv(name, value)
    own = '\n[dataflows."station_days.v1"]\npool = "${POOL}${AIRFLOW_HOME}"\n'
    deployment = with_lake(tmp_path, "${BASE}/lake", own)
    environment = local_installation(options, deployment).environment
    passed = {name: environment.get(name) for name in given}
    assert passed == given | {"OTHER": None}
    assert environment.keys().isdisjoint(reserved)  # the installation has its own


def test_a_lake_of_ones_own_state_is_made_where_there_was_nothing(
    tmp_path: Path, options: argparse.Namespace
) -> None:
    deployment = with_lake(tmp_path, "${ISTHMUS_STATE}/deep/lake")
    make_own_lake(deployment, options.state)
    assert open_lake(deployment).address == f"file://{tmp_path}/deep/lake"
    make_own_lake(deployment, options.state)


@pytest.mark.parametrize("root", ["${ISTHMUS_STATE}/mount", "${ISTHMUS_STATE}/../elsewhere/lake"])
def test_a_lake_that_may_only_not_be_mounted_is_not_made(
    tmp_path: Path, options: argparse.Namespace, root: str
) -> None:
    (tmp_path / "mount").mkdir()  # as where a disk would be mounted
    deployment = with_lake(tmp_path, root)
    make_own_lake(deployment, options.state)
    assert not list(tmp_path.rglob("isthmus-lake.json"))
    with pytest.raises(NoLakeError):
        open_lake(deployment)


def test_a_lake_in_a_bucket_is_made_by_its_command_only(
    tmp_path: Path, options: argparse.Namespace
) -> None:
    deployment = with_lake(tmp_path, 's3://bucket/lake"\ncache = "/cache')
    make_own_lake(deployment, options.state)


def test_data_without_a_marker_are_not_made_a_lake(
    tmp_path: Path, options: argparse.Namespace
) -> None:
    (tmp_path / "lake" / "dataflows").mkdir(parents=True)
    deployment = load_deployment(PARCELS)
    make_own_lake(deployment, options.state)
    with pytest.raises(NoLakeError):
        open_lake(deployment)
