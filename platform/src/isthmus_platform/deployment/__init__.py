"""The deployment: one TOML file that says where things are and how dataflows run."""

from __future__ import annotations

from isthmus_platform.deployment.load import FILE_VARIABLE, LOCAL, load_deployment
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
    "load_deployment",
]
