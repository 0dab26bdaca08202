from __future__ import annotations

import pytest

from isthmus_platform.errors import PlatformError, UserError
from isthmus_platform.local_airflow.errors import AirflowError, InstallationError


def test_an_installation_that_cannot_start_is_shown_without_a_traceback() -> None:
    with pytest.raises(UserError, match=r"^port 8080 is in use$"):
        raise InstallationError("port 8080 is in use")


@pytest.mark.parametrize("status", [404, None])
def test_a_refused_request_has_its_status_and_airflows_message(status: int | None) -> None:
    error = AirflowError(status, "Dag 'd' not found")
    assert isinstance(error, PlatformError)
    assert not isinstance(error, UserError)
    assert (error.status, error.problem, str(error)) == (status, *["Dag 'd' not found"] * 2)
