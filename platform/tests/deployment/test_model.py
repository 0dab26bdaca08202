"""A dataflow with the settings that its deployment resolves."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.deployment import Deployment, LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.errors import DeploymentError

STAGES = {"stages": ["joined_parcels"], "stage": {"joined_parcels": {"engine": "threads"}}}
SECRET = "a secret of the runner"  # noqa: S105 - it opens nothing


def deployment(**dataflows: object) -> Deployment:
    """Return a deployment with a runner and the source of the parcels."""
    return Deployment(
        Path("company.toml"),
        LakeLocation("/lake"),
        RunsLocation("/runs"),
        {"parcel_firm": Source("company")},
        {"default": Runner(("python",), "/home", {"TOKEN": SECRET})},
        {"retries": 1},
        dataflows,
    )


def test_a_dataflow_is_deployed_with_its_settings_and_its_runner() -> None:
    deployed = deployment(**{"parcel_delays.v1": {"engine": "threads"}}).deploy(PARCEL_DELAYS)
    assert (deployed.settings.engine, deployed.settings.retries) == ("threads", 1)
    assert deployed.runner.home == "/home"
    assert deployed.stop_at is None


def test_a_stage_has_settings_of_its_own() -> None:
    deployed = deployment(**{"parcel_delays.v1": STAGES}).deploy(PARCEL_DELAYS)
    stage = deployed.stage("joined_parcels")
    assert (stage.stop_at, stage.settings.engine) == ("joined_parcels", "threads")
    assert (deployed.stage(None).settings.engine, stage.settings.stages) == ("sequential", ())


def test_what_is_shown_of_a_deployed_dataflow_holds_no_setting() -> None:
    assert repr(deployment().deploy(STATION_DAYS)) == "DeployedDataflow('station_days.v1')"


def test_a_dataflow_whose_runner_is_unknown_is_not_deployed() -> None:
    with pytest.raises(DeploymentError, match="unknown runner 'spark'; known: 'default'"):
        deployment(**{"station_days.v1": {"runner": "spark"}}).deploy(STATION_DAYS)
