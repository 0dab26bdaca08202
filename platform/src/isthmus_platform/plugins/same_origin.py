"""Refuse requests that come from another site, or that ask for another site.

A page of another site can have a person's browser send requests to an Airflow that only this
machine can reach: with the person's login (CSRF), or, once its own name stands for this address,
also read the answers (DNS rebinding). The browser says so in the headers `Origin` and `Host`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_MAX_SHOWN = 100


class Addresses(NamedTuple):
    """Hold the names of hosts that requests may ask for, and the origins that they may have."""

    hosts: frozenset[str]
    origins: frozenset[str]


class SameOrigin:
    """Pass on requests for this Airflow, from its own pages or from no page at all."""

    def __init__(self, app: ASGIApp, addresses: Addresses | None = None) -> None:
        self._app = app
        self._addresses = addresses or configured_addresses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with 403 if it is foreign."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._problem(_values(scope, b"host"), _values(scope, b"origin"))
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            body = json.dumps({"detail": problem}).encode()
            await send({"type": "http.response.body", "body": body})

    def _problem(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """Return why a request with these headers is foreign, or None."""
        if len(hosts) != 1 or _hostname(hosts[0]) not in self._addresses.hosts:
            known = ", ".join(sorted(self._addresses.hosts))
            return (
                f"the header Host is {', '.join(hosts)!r:.{_MAX_SHOWN}}; this Airflow is {known}. "
                "`base_url` in its section [api] sets the name under which it is reached"
            )
        own = (f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower())
        for origin in origins:
            if origin.lower() not in {*own, *self._addresses.origins}:
                return (
                    "the request comes from another site: the header Origin is "
                    f"{origin!r:.{_MAX_SHOWN}}. `access_control_allow_origins` in Airflow's "
                    "section [api] sets which other sites may send requests"
                )
        return None


def configured_addresses() -> Addresses:
    """Return the addresses in Airflow's settings, and those of this machine."""
    base = conf.get("api", "base_url", fallback="")
    tasks = conf.get("core", "execution_api_server_url", fallback="") or ""
    others = conf.get("api", "access_control_allow_origins", fallback="").split()
    hosts = {*_LOOPBACK, *(urlsplit(address).hostname or "" for address in (base, tasks))}
    return Addresses(frozenset(hosts - {""}), frozenset(_origins([base, *others])))


def _origins(addresses: Sequence[str]) -> Iterator[str]:
    for address in addresses:
        parts = urlsplit(address)
        if parts.netloc:
            yield f"{parts.scheme}://{parts.netloc}".lower()


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _hostname(host: str) -> str | None:
    """Return the name in `name:port`, in lower case, or None if the text is not such."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else None


class SameOriginPlugin(AirflowPlugin):
    """Put `SameOrigin` before every application of the API server."""

    name = "isthmus_same_origin"
    fastapi_root_middlewares = [{"middleware": SameOrigin, "name": "same origin"}]  # noqa: RUF012
