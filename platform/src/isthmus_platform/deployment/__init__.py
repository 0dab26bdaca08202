"""The deployment: one TOML file that says where things are and how dataflows run."""

from __future__ import annotations

from isthmus_platform.deployment.model import (
    FILE_VARIABLE,
    LOCAL,
    Deployment,
    LakeLocation,
    Runner,
    RunsLocation,
    Source,
    load_deployment,
)
from isthmus_platform.deployment.settings import Settings, StageSettings

__all__ = [
    "FILE_VARIABLE",
    "LOCAL",
    "Deployment",
    "LakeLocation",
    "Runner",
    "RunsLocation",
    "Settings",
    "Source",
    "StageSettings",
    "load_deployment",
]
