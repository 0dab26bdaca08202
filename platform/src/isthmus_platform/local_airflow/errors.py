"""What can go wrong with an installation, and what Airflow may answer."""

from __future__ import annotations

from isthmus_platform.errors import PlatformError, UserError


class InstallationError(UserError):
    """Report an installation that cannot be started, or a component of it that died."""


class AirflowError(PlatformError):
    """Report a request that Airflow refused, with its own words; `status` is that of HTTP."""

    def __init__(self, status: int | None, problem: str) -> None:
        self.status = status
        self.problem = problem
        super().__init__(problem)
