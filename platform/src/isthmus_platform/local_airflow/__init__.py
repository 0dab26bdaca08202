"""An Airflow on this machine alone: its settings, processes, client, and reports of runs.

Nothing that a production installation needs imports this package.
"""

from __future__ import annotations

from isthmus_platform.local_airflow.client import Client
from isthmus_platform.local_airflow.errors import AirflowError, InstallationError
from isthmus_platform.local_airflow.processes import Running, find_running, running
from isthmus_platform.local_airflow.settings import PASSWORD, Installation, read_password

__all__ = [
    "PASSWORD",
    "AirflowError",
    "Client",
    "Installation",
    "InstallationError",
    "Running",
    "find_running",
    "read_password",
    "running",
]
