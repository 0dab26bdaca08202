"""The errors of a local installation, and of requests to Airflow."""

from __future__ import annotations

from isthmus_platform.errors import PlatformError, UserError


class InstallationError(UserError):
    """Report an installation that cannot be started, or a component of it that died."""


class AirflowError(PlatformError):
    """Report a request that Airflow refused, with its message; `status` is the HTTP status."""

    def __init__(self, status: int | None, problem: str) -> None:
        self.status = status
        self.problem = problem
        super().__init__(problem)
