"""An Airflow on this machine alone: its settings, its processes, and a client to speak with it."""

from __future__ import annotations

from isthmus_platform.installation.client import Client
from isthmus_platform.installation.errors import AirflowError, InstallationError
from isthmus_platform.installation.processes import Running, find_running, running
from isthmus_platform.installation.settings import Installation

__all__ = [
    "AirflowError",
    "Client",
    "Installation",
    "InstallationError",
    "Running",
    "find_running",
    "running",
]
