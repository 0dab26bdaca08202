"""Where something is measured: a lake on a disk, or in a bucket of a server on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from isthmus_platform.deployment import LOCAL
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.storage import DiskStore
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore

ROOT = Path(__file__).parents[1]
_SERVER = ROOT / "platform" / "s3-server" / ".venv" / "bin" / "moto_server"
_LAKE_ON_DISK = 'root = "${ISTHMUS_STATE}/lake"'
_LAKE_IN_BUCKET = """\
root = "s3://lake"
connection = "bucket"
cache = "${ISTHMUS_STATE}/cache"
"""
_CACHE_BYTES = 10**9
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Site:
    """A lake that is empty, a folder beside it, and what the command line needs to open it."""

    lake: Lake
    folder: Path
    options: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def on_disk() -> Iterator[Site]:
    """Give a lake on the disk of the repository; it is removed afterwards."""
    with in_folder() as folder:
        lake = Lake(DiskStore(folder / "lake"))
        make_lake(lake)
        yield Site(lake, folder, ("--state", str(folder)))


@contextmanager
def in_bucket() -> Iterator[Site]:
    """Give a lake in a bucket of a server that is started for it; both are gone afterwards."""
    with in_folder() as folder, _server() as endpoint:
        httpx.put(f"{endpoint}/lake").raise_for_status()
        credentials = Credentials(endpoint, "us-east-1", "access", "secret")
        cache = Cache(folder / "cache", _CACHE_BYTES)
        deployment = folder / "deployment.toml"
        text = LOCAL.read_text(encoding="utf-8")
        deployment.write_text(text.replace(_LAKE_ON_DISK, _LAKE_IN_BUCKET), encoding="utf-8")
        connection = {
            "conn_type": "aws",
            "login": credentials.access_key,
            "password": credentials.secret_key,
            "extra": {"endpoint_url": endpoint, "region_name": credentials.region},
        }
        variables = {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW_CONN_BUCKET": json.dumps(connection),
        }
        options = ("--state", str(folder), "--deployment", str(deployment))
        lake = Lake(ObjectStore("lake", "", credentials, cache))
        make_lake(lake)
        yield Site(lake, folder, options, variables)


@contextmanager
def in_folder() -> Iterator[Path]:
    """Give an empty folder on the disk of the repository; it is removed afterwards."""
    # What the system gives for temporary files may be memory.
    place = ROOT / "var"
    place.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="benchmarks-", dir=place) as folder:
        yield Path(folder)


@contextmanager
def _server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [str(_SERVER), "-H", "127.0.0.1", "-p", port]
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait_for(endpoint, process)
            yield endpoint
        finally:
            process.kill()


def _wait_for(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(endpoint, timeout=1)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"the server that speaks S3 does not answer; it ended with {process.poll()}")
