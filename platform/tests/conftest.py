from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
from hypothesis import settings

import isthmus_contracts.catalog
import isthmus_platform
from isthmus_contracts import Column, DataflowContract, Table
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.testing import sample_catalog
from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS, STATION_DAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.intake.accepted import Accepted, AcceptedFile, AcceptedOutput
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore

# Before a module takes the catalog: no test depends on what the data scientists declare.
isthmus_contracts.catalog.CATALOG = sample_catalog.CATALOG

# Sessions run beside each other, so an example may take longer than Hypothesis would allow it.
settings.register_profile("platform", deadline=None)
settings.load_profile("platform")

# Airflow reads its settings when it is imported, which happens when tests are collected.
_HOME = tempfile.TemporaryDirectory(prefix="airflow-")
SECRET = "the canary of the bucket"  # noqa: S105 - it opens nothing
FEATURES, DAYS = PARCEL_DELAYS.output("parcel_features"), STATION_DAYS.output("days")
_DAGS = Path(isthmus_platform.__file__).parent / "dags"
os.environ |= {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_DAGS),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


@pytest.fixture(scope="session", autouse=True)
def airflow_home() -> Iterator[Path]:
    """Return Airflow's home, which is gone afterwards."""
    yield Path(_HOME.name)
    _HOME.cleanup()


@dataclass(frozen=True)
class Server:
    """A server that speaks S3, in a process of its own."""

    endpoint: str
    pid: int


@dataclass(frozen=True)
class Bucket:
    """A bucket of that server in which nothing lies, and a place for its cache."""

    endpoint: str
    name: str
    cache: Path
    secret: str = SECRET

    def open(self, **instead: str) -> ObjectStore:
        """Return a store in it, with what is given in place of its own."""
        credentials = {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key": "access",
            "secret_key": self.secret,
        } | instead
        name, prefix = credentials.pop("name", self.name), credentials.pop("prefix", "a/prefix")
        return ObjectStore(name, prefix, Credentials(**credentials), Cache(self.cache, 10**9))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """Run the server that `nox -s platform` builds, on a free port of this machine alone."""
    program = Path(__file__).parents[1] / "s3-server" / ".venv" / "bin" / "moto_server"
    if not program.exists():
        pytest.fail(f"no server that speaks S3 at {program}; `nox -s platform` builds it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [str(program), "-H", "127.0.0.1", "-p", port]
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            server = Server(f"http://127.0.0.1:{port}", process.pid)
            _wait_for(server, process)
            yield server
        finally:
            process.kill()


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(server.endpoint, timeout=1)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server that speaks S3 does not answer; it ended with {process.poll()}")


@pytest.fixture
def bucket(s3_server: Server, tmp_path: Path) -> Bucket:
    """Make a bucket."""
    made = Bucket(s3_server.endpoint, f"lake-{uuid4().hex}", tmp_path / "cache")
    httpx.put(f"{made.endpoint}/{made.name}").raise_for_status()
    return made


@pytest.fixture
def publish() -> Callable[[Lake, str], releases.Release]:
    """Publish a release of station_days that was made from two feature rows."""
    return _publish


# Two dataflows of which one reads the other, for tests that must not depend on the catalog.
_NUMBERS = DataflowContract(
    "numbers",
    "1.0.0",
    "us",
    "Numbers.",
    (),
    (Table("rows", "One row.", (Column("n", "int64", "Number."),)),),
)
_READER = DataflowContract(
    "reader",
    "1.0.0",
    "us",
    "Reads numbers.",
    (_NUMBERS.input("rows"),),
    (Table("copies", "One row.", (Column("n", "int64", "Number."),)),),
)


@dataclass(frozen=True)
class Chain:
    """Two dataflows, `numbers` and `reader`, which reads the former."""

    numbers: DataflowContract
    reader: DataflowContract

    @property
    def catalog(self) -> Catalog:
        return Catalog((), (self.numbers, self.reader))

    def publish(self, lake: Lake, run: str) -> releases.Release:
        """Publish a release of `numbers`."""
        return _publish_row(lake, self.numbers, run, {})

    def read(self, lake: Lake, run: str, read: releases.Release) -> releases.Release:
        """Publish a release of `reader` that was made from a release of `numbers`."""
        return _publish_row(lake, self.reader, run, {"rows": releases.pin(read, "rows")})


@pytest.fixture
def chain() -> Chain:
    """Return two dataflows of which one reads the other."""
    return Chain(_NUMBERS, _READER)


def _publish_row(
    lake: Lake, contract: DataflowContract, run: str, inputs: Mapping[str, Pin]
) -> releases.Release:
    (table,) = contract.outputs
    assert isinstance(table, Table)
    make_lake(lake)
    folder = lake.table(contract.identity, table.name)
    (file,) = write_table(folder, table, [pa.record_batch({"n": [1]}, arrow_schema(table))])
    accepted_file = AcceptedFile((folder / file.name).key, file.bytes, "0" * 64, file.rows)
    outputs = (AcceptedOutput(table.name, (accepted_file,)),)
    accepted = Accepted(str(contract.identity), contract.version, "code", run, outputs)
    return publication.publish(lake, contract, accepted, params={}, inputs=inputs)


def _value(column: Column) -> object:
    return (
        column.choices[0] if column.choices else {"string": "x", "bool": True}.get(column.type, 1)
    )


def _publish(lake: Lake, run: str) -> releases.Release:
    assert isinstance(FEATURES, Table)
    assert isinstance(DAYS, Table)
    make_lake(lake)
    features = lake.table(PARCEL_DELAYS.identity, "parcel_features")
    rows = [
        {column.name: _value(column) for column in FEATURES.columns} | {"parcel": number}
        for number in (1, 2)
    ]
    batches = pa.Table.from_pylist(rows, arrow_schema(FEATURES)).to_batches()
    files = write_table(features, FEATURES, batches)
    version = tables.commit(features, FEATURES, files, run)
    days = lake.table(STATION_DAYS.identity, "days")
    row = {column.name: _value(column) for column in DAYS.columns}
    (file,) = write_table(days, DAYS, pa.Table.from_pylist([row], arrow_schema(DAYS)).to_batches())
    picture = lake.files(STATION_DAYS.identity, "delay_calendar") / f"{run}.png"
    lake.store.create(picture.key, b"picture")
    accepted = Accepted(
        "station_days.v1",
        "1.0.0",
        "code",
        run,
        (
            AcceptedOutput(
                "days",
                (AcceptedFile((days / file.name).key, file.bytes, "0" * 64, file.rows),),
            ),
            AcceptedOutput("delay_calendar", (AcceptedFile(picture.key, 7, "1" * 64),)),
        ),
    )
    pins = {"parcel_features": Pin(features.key, version)}
    return publication.publish(lake, STATION_DAYS, accepted, params={}, inputs=pins)
