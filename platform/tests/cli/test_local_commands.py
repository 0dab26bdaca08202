from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from isthmus_contracts import ContractError, Param
from isthmus_contracts.catalog import CARRIER_DAYS, FLIGHT_DELAYS
from isthmus_platform.cli.local_commands import (
    count_triggered,
    local_installation,
    parse_params,
)
from isthmus_platform.deployment import LOCAL, load_deployment
from isthmus_platform.local_airflow import InstallationError


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    monkeypatch.setenv("ISTHMUS_TRANSFORMS_PYTHON", "/usr/bin/python3")
    return argparse.Namespace(state=tmp_path, deployment=LOCAL, port=8123)


def test_params_get_the_types_of_the_contract() -> None:
    assert parse_params(FLIGHT_DELAYS, ["test_from_month=11"]) == {"test_from_month": 11}
    assert parse_params(FLIGHT_DELAYS, []) == {}
    listed = (
        Param("months", "array", [1], "Which.", of="integer", minimum=1, maximum=12),
        Param("weights", "object", {"JFK": 1.0}, "How much.", of="number"),
    )
    contract = replace(FLIGHT_DELAYS, params=listed)
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
        parse_params(FLIGHT_DELAYS, [text])


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
    assert count_triggered(FLIGHT_DELAYS, load_deployment(LOCAL)) == 2
    assert count_triggered(CARRIER_DAYS, load_deployment(LOCAL)) == 0
    file = tmp_path / "company.toml"
    file.write_text(LOCAL.read_text() + '\n[dataflows."airport_days.v1"]\nschedule = "0 4 * * *"\n')
    assert count_triggered(FLIGHT_DELAYS, load_deployment(file)) == 1
