"""A run whose lake is in a bucket, of which the runner sees nothing but files of this host."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from isthmus_contracts.testing.sample_catalog import PARCEL_DELAYS
from isthmus_platform.lake import releases
from isthmus_platform.lake.intake.intermediates import intermediates_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.marker import make_lake
from isthmus_platform.lake.releases.manifests import all_files
from isthmus_platform.storage.objects import ObjectStore

pytestmark = pytest.mark.slow

# Writes its request and environment to files, and computes as the stand-in does.
WATCHED = """
import json, os, sys
from pathlib import Path
from isthmus_contracts.testing import runner

folder, asked, line = Path(sys.argv[1]), sys.stdin, sys.stdin.readline()
(folder / "request.json").write_text(line)
(folder / "environment.json").write_text(json.dumps(dict(os.environ)))

class Again:
    read = asked.read
    readline = staticmethod(lambda: line)

sys.stdin = Again
raise SystemExit(runner.main(["--outputs", str(folder / "outputs")]))
"""


class Ended(Protocol):
    """How a run ended, as the fixture says it."""

    states: dict[str, str]
    log: str


class Company(Protocol):
    """The company that the fixture gives."""

    folder: Path

    def deploy(self, *command: str) -> None: ...
    def run(self, dataflow: str = ..., **params: object) -> Ended: ...


class Bucket(Protocol):
    """The bucket that the fixture gives."""

    endpoint: str
    name: str
    cache: Path
    secret: str

    def open(self, **instead: str) -> ObjectStore: ...


@pytest.fixture
def move(company: Company, bucket: Bucket) -> Callable[..., None]:
    """Write the company's deployment with its lake in the bucket."""

    def deploy(*command: str) -> None:
        company.deploy(*command)
        shutil.rmtree(company.folder / "lake", ignore_errors=True)
        make_lake(Lake(bucket.open()))
        file = company.folder / "company.toml"
        disk = f'root = "{company.folder}/lake"'
        lines = (
            f'root = "s3://{bucket.name}/a/prefix"',
            'connection = "company_bucket"',
            f'cache = "{bucket.cache}"',
        )
        text = file.read_text()
        assert disk in text
        file.write_text(text.replace(disk, "\n".join(lines)))

    return deploy


def move_script(company: Company, move: Callable[..., None], text: str, setting: str) -> None:
    """Deploy a script as the runner, with the lake in the bucket and one setting."""
    script = company.folder / "script.py"
    script.write_text(text)
    move(sys.executable, str(script), str(company.folder))
    file = company.folder / "company.toml"
    file.write_text(f'{file.read_text()}[dataflows."parcel_delays.v1"]\n{setting}\n')


@pytest.fixture
def connect(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have Airflow know the connection."""

    def say(endpoint: str = bucket.endpoint) -> None:
        extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        plain = {"conn_type": "aws", "login": "access", "password": bucket.secret, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_COMPANY_BUCKET", json.dumps(plain))

    return say


def test_a_run_ingests_computes_and_publishes(
    company: Company, bucket: Bucket, move: Callable[..., None], connect: Callable[..., None]
) -> None:
    script = company.folder / "watched.py"
    script.write_text(WATCHED)
    move(sys.executable, str(script), str(company.folder))
    connect()
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    lake = Lake(bucket.open())
    made = releases.current(lake, PARCEL_DELAYS.identity)
    assert made is not None
    assert f"published release {made.id} of parcel_delays.v1" in ended.log
    assert all(all_file.find() for all_file in all_files(lake, made))
    assert not (company.folder / "lake").exists()

    request = json.loads((company.folder / "request.json").read_text())
    files = [Path(file) for files in request["inputs"].values() for file in files]
    assert len(files) == len(PARCEL_DELAYS.inputs)
    for file in files:
        assert file.is_relative_to(bucket.cache)
        assert file.suffix == ".parquet"
        assert file.stat().st_mode & 0o777 == 0o444
    assert list(bucket.cache.glob("writing-*")) == []

    seen = (company.folder / "environment.json").read_text() + json.dumps(request)
    for secret in (bucket.secret, "AWS_", "s3://", bucket.endpoint):
        assert secret not in seen
    runs = [path.read_text() for path in (company.folder / "runs").rglob("*") if path.is_file()]
    assert not [run for run in (ended.log, *runs) if bucket.secret in run]


def test_a_connection_that_is_not_there_fails_in_one_sentence(
    company: Company, move: Callable[..., None]
) -> None:
    move()
    ended = company.run()
    assert ended.states["ingest"] == "failed", ended.log
    assert "company.toml, [lake]: no Airflow connection 'company_bucket' can be read" in ended.log
    assert "opening.py" not in ended.log


# Reports checkpoints: one that exists, one that does not, and one outside its directory.
SAVING = """
import json, sys, time
from pathlib import Path
from isthmus_contracts.protocol import CheckpointWritten, Graph, encode
from isthmus_contracts.testing import runner

line = sys.stdin.readline()
request = json.loads(line)
intermediates = [Path(path).read_text() for path in request["intermediates"]]
Path(sys.argv[1], f"try-{request['identity']['run']}.json").write_text(json.dumps(intermediates))
checkpoints = Path(request["checkpoints"])
checkpoints.mkdir(parents=True, exist_ok=True)
(checkpoints / "a.checkpoint").write_text("result a")
print(encode(Graph(1.0, ())), flush=True)
for file in ("a.checkpoint", "b.checkpoint", "../a.checkpoint"):
    print(encode(CheckpointWritten(1.0, "a", 8, 0.1, file)), flush=True)
sys.exit(1)
"""


def test_checkpoints_are_synced_to_where_another_host_finds_them(
    company: Company, bucket: Bucket, move: Callable[..., None], connect: Callable[..., None]
) -> None:
    move_script(company, move, SAVING, "checkpoints = true")
    connect()
    ended = company.run()
    assert ended.states["transform"] == "failed"
    lake = Lake(bucket.open())
    (run,) = lake.checkpoints(PARCEL_DELAYS.identity).names()
    folder = lake.checkpoints(PARCEL_DELAYS.identity) / run
    assert [Path(path).read_text() for path in intermediates_of(folder)] == ["result a"]
    assert ended.log.count("a checkpoint was not copied to the lake: ") == 2


def test_stages_pass_intermediates_through_the_bucket(
    company: Company, bucket: Bucket, move: Callable[..., None], connect: Callable[..., None]
) -> None:
    move_script(company, move, WATCHED, 'stages = ["joined_parcels"]')
    connect()
    ended = company.run()
    assert set(ended.states.values()) == {"success"}, ended.log
    request = json.loads((company.folder / "request.json").read_text())  # the last one
    (intermediates,) = map(Path, request["intermediates"])
    assert intermediates.is_relative_to(bucket.cache)
    assert intermediates.read_text() == "what is known at joined_parcels"
    assert not list(Lake(bucket.open()).checkpoints(PARCEL_DELAYS.identity).walk())
