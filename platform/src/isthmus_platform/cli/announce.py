"""Announce a release in Airflow, as `publish` does: an event of the asset starts its readers."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self

import httpx

from isthmus_contracts import Identity
from isthmus_platform.errors import UserError

LOGIN_VARIABLE = "ISTHMUS_AIRFLOW_LOGIN"
_DEFAULT_LOGIN = "airflow:airflow"


class Announcer:
    """Hold a session at Airflow's API; raise `UserError` if it does not answer or refuses."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False, transport=transport)

    def __enter__(self) -> Self:
        user, _, password = os.environ.get(LOGIN_VARIABLE, _DEFAULT_LOGIN).partition(":")
        login = {"username": user, "password": password}
        try:
            token = self._request("POST", "/auth/token", json=login)["access_token"]
        except BaseException:
            self._http.close()
            raise
        self._http.headers["Authorization"] = f"Bearer {token}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def announce(self, dataflow: Identity, release: str) -> None:
        """Create an event of the dataflow's asset that names a release."""
        name = str(dataflow)
        found = self._request("GET", "/api/v2/assets", params={"name_pattern": name})["assets"]
        asset = next((asset["id"] for asset in found if asset["name"] == name), None)
        if asset is None:
            raise UserError(f"Airflow at {self._url} has no asset {name!r}, so nothing reads it")
        body = {"asset_id": asset, "extra": {"release": release}}
        self._request("POST", "/api/v2/assets/events", json=body)

    def _request(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = self._http.request(method, path, **options)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            is_login = status == httpx.codes.UNAUTHORIZED
            hint = f"; {LOGIN_VARIABLE} has its login as USER:PASSWORD" if is_login else ""
            raise UserError(
                f"Airflow at {self._url} refuses {method} {path} with status {status}{hint}"
            ) from None
        except (httpx.HTTPError, ValueError) as error:
            raise UserError(f"Airflow at {self._url} does not answer: {error}") from None
