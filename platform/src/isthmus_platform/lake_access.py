"""Opening the lake that a deployment names, with the credentials of an Airflow connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import DeploymentError
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import DiskStore

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from isthmus_platform.storage.objects import Credentials


LAKE_TYPE = "aws"
"""The type of the Airflow connection of a lake in a bucket."""


def open_lake(deployment: Deployment) -> Lake:
    """Return the deployment's lake, which exists.

    Raise `NoLakeError` for a place where no lake was made, which may be a disk that is not mounted,
    and `DeploymentError` if the lake's connection cannot be used.
    """
    # Airflow parses the DAG file often, and Delta takes long to import.
    from isthmus_platform.lake.marker import check_lake  # noqa: PLC0415

    lake = _lake(deployment)
    check_lake(lake)
    return lake


def create_lake(deployment: Deployment) -> Lake:
    """Return the deployment's lake, which is made unless it exists; its bucket must exist.

    Raise `LakeError` for a place that has files of a lake, but not its marker.
    """
    from isthmus_platform.lake.marker import make_lake  # noqa: PLC0415 - as above

    lake = _lake(deployment)
    make_lake(lake)
    return lake


def _lake(deployment: Deployment) -> Lake:
    place = deployment.lake
    if not place.is_bucket:
        return Lake(DiskStore(Path(place.root)))
    from isthmus_platform.storage.cache import Cache  # noqa: PLC0415 - only where there is a bucket
    from isthmus_platform.storage.objects import Credentials, ObjectStore  # noqa: PLC0415

    credentials = Credentials()
    if place.connection is not None:
        credentials = credentials_of(_connection(deployment, place.connection))
    address = urlsplit(place.root)
    cache = Cache(Path(place.cache or ""), place.cache_megabytes * 1_000_000)
    return Lake(ObjectStore(address.netloc, address.path.strip("/"), credentials, cache))


def find_connection(name: str) -> Connection | None:
    """Return an Airflow connection: of the task's, the environment's or a secrets backend's."""
    from airflow.sdk import BaseHook  # noqa: PLC0415 - Airflow takes seconds to import
    from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

    try:
        return BaseHook.get_connection(name)
    except (AirflowNotFoundException, PermissionError):
        return None


def wrong_type(name: str, kind: str | None) -> str:
    """Return the message for a lake's connection of another type than `LAKE_TYPE`."""
    return f"connection {name!r} is of type {kind!r}; allowed: {LAKE_TYPE!r}"


def _connection(deployment: Deployment, name: str) -> Connection:
    connection = find_connection(name)
    if connection is None:
        problem = (
            f"no Airflow connection {name!r} can be read; outside of a task it must be in "
            f"AIRFLOW_CONN_{name.upper()} or in a secrets backend"
        )
        raise DeploymentError(deployment.file, "[lake]", problem)
    if connection.conn_type != LAKE_TYPE:
        raise DeploymentError(deployment.file, "[lake]", wrong_type(name, connection.conn_type))
    return connection


def credentials_of(connection: Connection) -> Credentials:
    """Return the credentials in an Airflow connection of type `aws`, under Amazon's names."""
    from isthmus_platform.storage.objects import Credentials  # noqa: PLC0415

    extra = connection.extra_dejson
    return Credentials(
        endpoint=extra.get("endpoint_url"),
        region=extra.get("region_name"),
        access_key=connection.login or extra.get("aws_access_key_id"),
        secret_key=connection.password or extra.get("aws_secret_access_key"),
        session_token=extra.get("aws_session_token"),
    )
