"""Lakes in a bucket: a network that fails, caches of several hosts, garbage collection."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from deltalake import DeltaTable
from pyarrow import parquet

from isthmus_contracts import DataflowContract
from isthmus_contracts.protocol import StagedFile
from isthmus_platform.errors import LakeUnavailableError, PublicationError, TableContractError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of, latest_version
from isthmus_platform.lake.documents import write_once
from isthmus_platform.lake.intake.acceptance import accept
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.intake.table_encoder import LocalEncoder
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.lake.releases.garbage_collection import (
    OldRelease,
    collect_garbage,
    find_garbage,
)
from isthmus_platform.lake.releases.locate import locate
from isthmus_platform.lake.releases.manifests import all_files
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import Move, read_moves
from isthmus_platform.lake.releases.publication import publish
from isthmus_platform.lake.releases.queries import current
from isthmus_platform.lake.releases.rollback import roll_back
from isthmus_platform.lake.releases.tombstones import RemovedReleaseError
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import ObjectStore

Accept = Callable[..., Accepted]
NOW = timedelta(0)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("where", ["bucket"], indirect=True),
]


class Bucket(Protocol):
    """The bucket that the fixture gives."""

    endpoint: str
    cache: Path
    secret: str

    def open(self, **instead: str) -> ObjectStore: ...


class Server(Protocol):
    """The server that the fixture runs."""

    pid: int


@pytest.fixture
def published(accepted: Accept, lake: Lake, dataflow: DataflowContract) -> Callable[[str], Release]:
    return lambda run: publish(lake, dataflow, accepted(run), params={}, inputs={})


def check_whole(lake: Lake, release: Release) -> None:
    """Expect every output of a release to be that of its run."""
    pin = releases.pin(release, "carriers")
    (file,) = files_of(lake.path(pin.table), pin.version)
    assert parquet.read_table(file.local())["carrier"].to_pylist() == [release.run]
    assert lake.path(release.files["report"].path).local().read_text() == f"<p>{release.run}"
    for all_file in all_files(lake, release):
        assert all_file.find() is not None


class TestAcceptance:
    def test_a_refusal_leaves_nothing_in_the_bucket_and_on_this_host(
        self,
        stage: Callable[..., Any],
        dataflow: DataflowContract,
        lake: Lake,
        bucket: Bucket,
        encoder: LocalEncoder,
    ) -> None:
        staged = stage(late_share=[0.5, 1.5])
        with pytest.raises(TableContractError):
            accept(dataflow, staged.request, staged.result, lake, encoder)
        assert list(lake.store.walk("")) == []
        assert list(bucket.cache.iterdir()) == []

    def test_a_refused_output_removes_the_outputs_before_it(
        self,
        stage: Callable[..., Any],
        dataflow: DataflowContract,
        lake: Lake,
        encoder: LocalEncoder,
    ) -> None:
        staged = stage()
        content = b"<p>no parquet</p>"
        (staged.staging / "carriers.arrows").write_bytes(content)
        days, carriers, *rest = staged.result.outputs
        digest = hashlib.sha256(content).hexdigest()
        file = StagedFile("carriers.arrows", len(content), digest)
        carriers = replace(carriers, files=(file,))
        result = replace(staged.result, outputs=(days, carriers, *rest))
        with pytest.raises(TableContractError):
            accept(dataflow, staged.request, result, lake, encoder)
        assert list(lake.store.walk("")) == []


class TestReading:
    def test_another_host_reads_what_this_one_published(
        self,
        published: Callable[[str], Release],
        bucket: Bucket,
        dataflow: DataflowContract,
        tmp_path: Path,
    ) -> None:
        made = published("first")
        elsewhere = Lake(replace(bucket, cache=tmp_path / "elsewhere").open())  # type: ignore[type-var]
        assert current(elsewhere, dataflow.identity) == made
        check_whole(elsewhere, made)
        assert any((tmp_path / "elsewhere").rglob("*.parquet"))

    def test_address_and_version_read_the_rows_that_the_release_pins(
        self, published: Callable[[str], Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first = published("first")
        published("second")
        roll_back(lake, dataflow.identity, first.id, by="eve")
        places = locate(lake, dataflow.identity)
        carriers = places.tables["carriers"]
        assert carriers.uri == f"{lake.address}/dataflows/delays/v2/tables/carriers"
        options = dict(lake.store.options)
        table = DeltaTable(carriers.uri, version=carriers.version, storage_options=options)
        assert table.to_pyarrow_table()["carrier"].to_pylist() == ["first"]
        prefix = f"{lake.address}/dataflows/delays/v2/files/report/"
        assert places.files["report"].startswith(prefix)


class TestGarbageCollection:
    def test_old_releases_go_with_their_objects_and_the_current_one_stays(
        self, published: Callable[[str], Release], lake: Lake, dataflow: DataflowContract
    ) -> None:
        first, second = published("first"), published("second")
        gone = list(all_files(lake, first))
        logs = [stored for stored in lake.store.walk("") if "/_delta_log/" in stored.key]
        found, removed = [*find_garbage(lake, NOW)], []
        collect_garbage(lake, NOW, by="eve", on_removed=removed.append)
        assert removed == found
        assert isinstance(found[0], OldRelease)
        assert found[0].id == first.id
        records = {stored.key for stored in found[1:] if "/accepted/" in stored.key}
        assert len(records) == 2
        assert {file.key for file in found[1:]} == {place.key for place in gone} | records
        assert not any(place.find() for place in gone)
        assert [stored for stored in lake.store.walk("") if "/_delta_log/" in stored.key] == logs
        check_whole(lake, second)
        with pytest.raises(RemovedReleaseError):
            roll_back(lake, dataflow.identity, first.id, by="eve")
        assert list(find_garbage(lake, NOW)) == []

    def test_young_files_stay(self, published: Callable[[str], Release], lake: Lake) -> None:
        published("first"), published("second")
        before = list(lake.store.walk(""))
        collect_garbage(lake, timedelta(days=1), by="eve")
        assert list(lake.store.walk("")) == before

    def test_what_was_accepted_and_collected_is_not_published(
        self,
        accepted: Accept,
        published: Callable[[str], Release],
        lake: Lake,
        dataflow: DataflowContract,
    ) -> None:
        made, late = published("first"), accepted("late")
        collect_garbage(lake, NOW, by="eve")
        with pytest.raises(PublicationError, match="is gone"):
            publish(lake, dataflow, late, params={}, inputs={})
        assert current(lake, dataflow.identity) == made


class Network:
    """The process that lies between the lake and its server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.endpoint = f"http://127.0.0.1:{self._answer()}"

    def tell(self, *words: object) -> int:
        """Tell it what to do; return how many answers it has lost."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        return int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@dataclass(frozen=True)
class Line:
    """The lake as it is seen through a network that fails, and as it is."""

    network: Network
    far: Lake
    near: Lake
    dataflow: DataflowContract

    def publish(self, accepted: Accepted) -> Release:
        return publish(self.far, self.dataflow, accepted, params={}, inputs={})

    def publish_at_last(self, accepted: Accepted) -> Release:
        """Publish at once; or else publish nothing, and all of it when the network works again."""
        before = current(self.near, self.dataflow.identity)
        try:
            return self.publish(accepted)
        except LakeUnavailableError:
            assert current(self.near, self.dataflow.identity) == before
            self.network.tell("recover")
            return self.publish(accepted)

    def check_published_once(self, *made: Release) -> None:
        """Expect these releases and nothing else, each of them whole."""
        found = releases.releases(self.near, self.dataflow.identity)
        assert [release for release, _ in reversed(found)] == list(made)
        assert len(read_moves(self.near.pointer(self.dataflow.identity))) == len(made)
        assert latest_version(self.near.table(self.dataflow.identity, "days")) == len(made) - 1
        for release in made:
            check_whole(self.near, release)


@pytest.fixture
def line(bucket: Bucket, lake: Lake, dataflow: DataflowContract) -> Iterator[Line]:
    address, program = urlsplit(bucket.endpoint), Path(__file__).with_name("failing_network.py")
    command = [sys.executable, str(program), str(address.hostname), str(address.port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        network = Network(process)
        yield Line(network, Lake(bucket.open(endpoint=network.endpoint)), lake, dataflow)
        process.kill()


@contextmanager
def before(patch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something just before a function of publishing is called for the first time."""
    function, acts = getattr(publication, name), [act]

    def wrapped(*args: object, **kwargs: object) -> object:
        if acts:
            acts.pop()()
        return function(*args, **kwargs)

    with patch.context() as scope:
        scope.setattr(publication, name, wrapped)
        yield
    assert not acts


class TestNetwork:
    # Two manifests, two tables, the release, the pointer.
    @pytest.mark.parametrize("write", [1, 2, 3, 4, 5, 6])
    def test_a_write_whose_response_is_lost_counts_once(
        self, accepted: Accept, line: Line, write: int
    ) -> None:
        ready = accepted("first")
        line.network.tell("lose", write)
        made = line.publish_at_last(ready)
        assert line.network.tell("lost") == 1
        line.check_published_once(made)

    @pytest.mark.parametrize(("step", "seconds"), [("write_once", 0.3), ("append_move", 3)])
    def test_after_a_network_failure_there_is_one_whole_release(
        self, accepted: Accept, line: Line, monkeypatch: pytest.MonkeyPatch, step: str, seconds: int
    ) -> None:
        made, second = line.publish(accepted("first")), accepted("second")
        with before(monkeypatch, step, lambda: line.network.tell("refuse", seconds)):
            again = line.publish_at_last(second)
        line.check_published_once(made, again)

    def test_a_server_that_stands_still_is_waited_for(
        self, accepted: Accept, line: Line, s3_server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ready, started = accepted("first"), list[subprocess.Popen[bytes]]()
        pause = ["sh", "-c", f"kill -STOP {s3_server.pid}; sleep 1; kill -CONT {s3_server.pid}"]
        with before(monkeypatch, "commit", lambda: started.append(subprocess.Popen(pause))):
            made = line.publish(ready)
        assert started[0].wait(10) == 0
        line.check_published_once(made)


@pytest.mark.parametrize("moves", [3, 1001])
def test_current_and_a_rollback_cost_four_requests_at_most(
    published: Callable[[str], Release], line: Line, lake: Lake, moves: int
) -> None:
    first, second = published("first"), published("second")
    identity, pointer = line.dataflow.identity, lake.pointer(line.dataflow.identity)

    def rolled_back(number: int) -> None:
        to, since = (first, second) if number % 2 else (second, first)
        move = Move(number, to.id, since.id, "2013-01-01T00:00:00+00:00", "rollback", "eve")
        write_once(pointer / f"{10**8 - number:08}.json", move)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rolled_back, range(3, moves + 1)))

    def requests(call: Callable[[], object]) -> int:
        before = line.network.tell("requests")
        call()
        return line.network.tell("requests") - before

    assert requests(lambda: current(line.far, identity)) == 3
    assert requests(lambda: releases.release(line.far, identity, second.id)) == 4
    assert requests(lambda: roll_back(line.far, identity, second.id, by="eve")) == 4
    assert current(lake, identity) == second
    assert len(pointer.names()) == moves + 1


def test_a_copy_in_the_cache_that_is_shrunk_is_fetched_again(
    published: Callable[[str], Release], lake: Lake, bucket: Bucket
) -> None:
    made = published("first")
    place = lake.path(made.files["report"].path)
    copy = place.local()
    os.utime(copy, (0, 0))
    Cache(bucket.cache, 1).copy("s3://other/x", lambda path: path.touch())
    assert not copy.exists()
    assert place.local().read_text() == "<p>first"
