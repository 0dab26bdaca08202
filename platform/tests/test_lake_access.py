from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from airflow.sdk import BaseHook, Connection

from isthmus_contracts import Identity
from isthmus_platform.deployment import Deployment, LakeLocation, RunsLocation
from isthmus_platform.errors import DeploymentError, NoLakeError
from isthmus_platform.lake import releases
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake_access import create_lake, credentials_of, open_lake
from isthmus_platform.storage import DiskStore
from isthmus_platform.storage.objects import Credentials, ObjectStore

Publish = Callable[[Lake, str], releases.Release]


class Bucket(Protocol):
    """The bucket that the fixture gives."""

    endpoint: str
    name: str
    cache: Path
    secret: str

    def open(self, **instead: str) -> ObjectStore: ...


def deployment(lake: LakeLocation) -> Deployment:
    return Deployment(Path("/x/company.toml"), lake, RunsLocation("/runs"), {}, {}, {}, {})


@pytest.fixture
def in_bucket(bucket: Bucket) -> Deployment:
    root = f"s3://{bucket.name}/a/prefix"
    return deployment(LakeLocation(root, "company_bucket", str(bucket.cache)))


@pytest.fixture
def connected(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Say the connection in the environment, as Airflow reads it."""
    extra = {"endpoint_url": bucket.endpoint, "region_name": "us-east-1"}
    connection = {
        "conn_type": "aws",
        "login": "access",
        "password": bucket.secret,
        "extra": extra,
    }
    monkeypatch.setenv("AIRFLOW_CONN_COMPANY_BUCKET", json.dumps(connection))


def test_a_path_is_a_lake_on_a_disk(tmp_path: Path) -> None:
    place = deployment(LakeLocation(str(tmp_path)))
    with pytest.raises(
        NoLakeError, match=f"the lake at file://{tmp_path} .* `isthmus-platform ini"
    ):
        open_lake(place)
    assert create_lake(place) == create_lake(place) == open_lake(place) == Lake(DiskStore(tmp_path))


def test_a_lake_on_a_disk_needs_neither_airflow_nor_a_client_of_s3(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from isthmus_platform.deployment import Deployment, LakeLocation, RunsLocation
from isthmus_platform.lake_access import create_lake
lake, none = LakeLocation({str(tmp_path)!r}), {{}}
create_lake(Deployment(Path("x"), lake, RunsLocation("/runs"), none, none, none, none))
assert not {{"airflow", "obstore"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.usefixtures("connected")
def test_a_bucket_is_opened_with_what_the_connection_holds(
    bucket: Bucket, in_bucket: Deployment, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        create_lake(in_bucket)
        lake = open_lake(in_bucket)
        made = publish(lake, "run")
    assert lake.address == f"s3://{bucket.name}/a/prefix"
    assert releases.current(Lake(bucket.open()), made_by(made)) == made
    assert bucket.secret not in f"{lake!r} {in_bucket!r} {caplog.text}"
    (file,) = made.files.values()
    assert lake.path(file.path).local().is_relative_to(bucket.cache)


def made_by(release: releases.Release) -> Identity:
    name, _, major = release.dataflow.rpartition(".v")
    return Identity(name, int(major))


@pytest.mark.usefixtures("connected")
def test_a_connection_is_not_asked_for_where_none_is_named(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(BaseHook, "get_connection")
    variables = {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    place = LakeLocation(f"s3://{bucket.name}", cache=str(bucket.cache))
    create_lake(deployment(place))
    assert open_lake(deployment(place)).address == f"s3://{bucket.name}"


def test_a_connection_that_is_not_there_is_one_sentence(in_bucket: Deployment) -> None:
    with pytest.raises(DeploymentError) as refused:
        open_lake(in_bucket)
    assert str(refused.value) == (
        "company.toml, [lake]: no Airflow connection 'company_bucket' can be read; outside of a "
        "task it must be in AIRFLOW_CONN_COMPANY_BUCKET or in a secrets backend"
    )


def test_a_connection_that_this_process_may_not_read_is_one_too(
    in_bucket: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: str) -> Connection:
        raise PermissionError("no")

    monkeypatch.setattr(BaseHook, "get_connection", denied)
    with pytest.raises(DeploymentError, match="'company_bucket' can be read"):
        open_lake(in_bucket)


def test_a_connection_of_another_type_is_refused(
    in_bucket: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMPANY_BUCKET", "postgres://user:the-password@host/db")
    with pytest.raises(DeploymentError) as refused:
        open_lake(in_bucket)
    assert str(refused.value) == (
        "company.toml, [lake]: connection 'company_bucket' is of type 'postgres'; allowed: 'aws'"
    )


@pytest.mark.parametrize(
    ("connection", "credentials"),
    [
        (Connection(conn_id="c", conn_type="aws"), Credentials()),
        (
            Connection(conn_id="c", conn_type="aws", login="a", password="s"),  # noqa: S106 - no secret
            Credentials(access_key="a", secret_key="s"),  # noqa: S106
        ),
        (
            Connection(
                conn_id="c",
                conn_type="aws",
                extra=json.dumps(
                    {
                        "aws_access_key_id": "a",
                        "aws_secret_access_key": "s",
                        "aws_session_token": "t",
                        "endpoint_url": "https://s3.example",
                        "region_name": "eu",
                    }
                ),
            ),
            Credentials("https://s3.example", "eu", "a", "s", "t"),
        ),
    ],
)
def test_credentials_stand_where_amazons_own_hook_has_them(
    connection: Connection, credentials: Credentials
) -> None:
    assert credentials_of(connection) == credentials
