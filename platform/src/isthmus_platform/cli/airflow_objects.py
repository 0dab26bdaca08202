"""Check the pools and connections that a deployment names against those that Airflow has here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus_contracts import UnknownNameError
from isthmus_platform.cli.arguments import SAMPLE_CONNECTION
from isthmus_platform.deployment import DeployedDataflow, Deployment
from isthmus_platform.errors import DeploymentError
from isthmus_platform.lake_access import LAKE_TYPE, find_connection, wrong_type

if TYPE_CHECKING:
    from airflow.sdk import Connection

DEFAULT_POOL = "default_pool"
"""The pool that every Airflow has."""

_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"  # also with _CMD or _SECRET
_TIMEOUT_SECONDS = 60


def pool_mistakes(
    dataflows: Iterable[DeployedDataflow], known: Iterable[str]
) -> Iterator[DeploymentError]:
    """Yield an error for each pool of a dataflow or stage that is not among the known ones."""
    for dataflow in dataflows:
        for place, pool in placed_pools(dataflow):
            if pool not in known:
                problem = f"{UnknownNameError('pool', pool, known)}; a task would wait for ever"
                yield DeploymentError(dataflow.deployment.file, place, problem)


def named_pools(dataflows: Iterable[DeployedDataflow]) -> set[str]:
    """Return the pools that dataflows and their stages name, except the one that always exists."""
    return {pool for dataflow in dataflows for _, pool in placed_pools(dataflow)} - {DEFAULT_POOL}


def placed_pools(dataflow: DeployedDataflow) -> Iterator[tuple[str, str]]:
    """Yield the pool of a dataflow, and of each of its stages, with its place in the file."""
    place = f'[dataflows."{dataflow.contract.identity}"]'
    yield place, dataflow.settings.pool
    for stage in dataflow.settings.stages:
        yield f"{place}.stage.{stage}", dataflow.settings.of_stage(stage).pool


def known_pools(state: Path) -> list[str] | None:
    """Return the pools of the Airflow that this environment configures, or that runs on the state.

    None means that neither has a database that can be read here.
    """
    answer = _ask_airflow(state, "pools", "list")
    return None if answer is None else sorted(pool["pool"] for pool in answer)


def connection_problems(deployment: Deployment, state: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield the place and the problem of each connection, and whether it is certainly a mistake.

    A connection that is not found is one only where this environment says where connections are.
    That of the sample database is not looked for: `demo`, `up` and `run` bring it along.
    """
    certain = any(map(_tells_connections, os.environ))
    for place, name, is_lake in _connections(deployment):
        connection = find_connection(name)
        kind = connection.conn_type if connection else _stored_type(state, name)
        if kind is None:
            yield place, f"no Airflow connection {name!r} is known here", certain
        elif is_lake and kind != LAKE_TYPE:
            yield place, wrong_type(name, kind), True
        elif connection and not is_lake and (problem := _hook_problem(connection)):
            yield place, f"connection {name!r} of type {kind!r} cannot be read: {problem}", True


def _connections(deployment: Deployment) -> Iterator[tuple[str, str, bool]]:
    if deployment.lake.connection is not None:
        yield "[lake]", deployment.lake.connection, True
    for name, source in deployment.sources.items():
        if source.connection not in ("", SAMPLE_CONNECTION):  # "" is a source with a mistake
            yield f"[sources.{name}]", source.connection, False


def _stored_type(state: Path, name: str) -> str | None:
    """Return the type of a connection in Airflow's database."""
    answer = _ask_airflow(state, "connections", "get", name)
    return str(answer[0]["conn_type"]) if answer else None


def _hook_problem(connection: Connection) -> str | None:
    try:
        hook = connection.get_hook()  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - any provider may raise anything
        return str(error)
    return None if hasattr(hook, "get_sqlalchemy_engine") else "its hook reads no tables"


def _tells_connections(variable: str) -> bool:
    return variable.startswith(("AIRFLOW_CONN_", "AIRFLOW__SECRETS__BACKEND", _DATABASE))


def _ask_airflow(state: Path, *command: str) -> list[dict[str, Any]] | None:
    """Return what Airflow's command line answers from its database, or None."""
    environment, home = dict(os.environ), state.resolve() / "airflow"
    if not any(name == "AIRFLOW_HOME" or name.startswith(_DATABASE) for name in environment):
        if not (home / "airflow.db").is_file():  # there Airflow would make an empty one
            return None
        environment["AIRFLOW_HOME"] = str(home)
    arguments = [sys.executable, "-m", "airflow", *command, "--output", "json"]
    try:
        done = subprocess.run(  # noqa: S603 - Airflow, in this interpreter
            arguments,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        return list(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError):
        return None
