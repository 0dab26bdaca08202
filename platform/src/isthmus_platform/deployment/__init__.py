"""The deployment: one TOML file that says where things are and how dataflows run."""

from __future__ import annotations

from isthmus_platform.deployment.last_valid import keep_valid, last_valid
from isthmus_platform.deployment.load import (
    FILE_VARIABLE,
    LOCAL,
    deployment_file,
    load_deployment,
)
from isthmus_platform.deployment.model import DeployedDataflow, Deployment
from isthmus_platform.deployment.sections import LakeLocation, Runner, RunsLocation, Source
from isthmus_platform.deployment.settings import Settings, StageSettings

__all__ = [
    "FILE_VARIABLE",
    "LOCAL",
    "DeployedDataflow",
    "Deployment",
    "LakeLocation",
    "Runner",
    "RunsLocation",
    "Settings",
    "Source",
    "StageSettings",
    "deployment_file",
    "keep_valid",
    "last_valid",
    "load_deployment",
]
