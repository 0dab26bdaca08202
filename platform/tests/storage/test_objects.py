"""What only a bucket does: a server that refuses, that is gone, or that does not answer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Protocol

import httpx
import pyarrow as pa
import pytest

from isthmus_contracts import Column, Table
from isthmus_platform.errors import LakeUnavailableError
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.delta.writer import write_table
from isthmus_platform.lake.errors import translated
from isthmus_platform.lake.layout import Lake
from isthmus_platform.storage import Location, objects
from isthmus_platform.storage.objects import Credentials, ObjectStore

pytestmark = pytest.mark.slow

NUMBERS = Table("numbers", "One number.", (Column("n", "int64", "N."),))
NOBODY = "http://127.0.0.1:9"
CREATING = """
import json, sys
from pathlib import Path
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore
name, endpoint, me = sys.argv[1:]
credentials = Credentials(endpoint, "us-east-1", "access", "secret")
store, created = ObjectStore(name, "a/prefix", credentials, Cache(Path("/nowhere"), 1)), []
sys.stdin.readline()
for number in range(30):
    try:
        store.create(f"folder/{number}", me.encode())
    except FileExistsError:
        continue
    created.append(number)
print(json.dumps(created))
"""


class Bucket(Protocol):
    """The bucket that the fixture gives."""

    endpoint: str
    name: str
    cache: Path
    secret: str

    def open(self, **instead: str) -> ObjectStore: ...


def put(store: ObjectStore) -> None:
    with store.writing("x") as path:
        path.touch()


Call = Callable[[ObjectStore], object]
CALLS: dict[str, Call] = {
    "create": lambda store: store.create("x", b""),
    "read": lambda store: store.read("x"),
    "find": lambda store: store.find("x"),
    "names": lambda store: store.names("x"),
    "walk": lambda store: list(store.walk("x")),
    "remove": lambda store: store.remove("x"),
    "writing": put,
    "local": lambda store: store.local("x"),
    "head": lambda store: tables.latest_version(Location(store, "x")),
}
everything = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def store(bucket: Bucket) -> ObjectStore:
    return bucket.open()


@pytest.fixture
def strict(bucket: Bucket) -> Iterator[None]:
    """Have the server know no access key."""
    place = f"{bucket.endpoint}/moto-api/reset-auth"
    httpx.post(place, content=b"0").raise_for_status()
    yield
    httpx.post(place, content=b"inf").raise_for_status()


def test_of_many_processes_at_once_each_object_is_created_by_one(
    bucket: Bucket, store: ObjectStore
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe, processes = subprocess.PIPE, []
    for number in range(3):
        command = [sys.executable, "-c", CREATING, bucket.name, bucket.endpoint, str(number)]
        processes.append(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        )
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    created = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert sorted(chain.from_iterable(created)) == list(range(30))
    for number, mine in enumerate(created):
        assert all(store.read(f"folder/{name}") == str(number).encode() for name in mine)


def test_more_than_a_page_of_names_is_listed_whole(store: ObjectStore) -> None:
    expected = tuple(f"{number:04}" for number in range(1001))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.create(f"many/{name}", b""), expected))
    assert store.names("many") == expected
    assert len(list(store.walk("many"))) == 1001


def test_what_is_elsewhere_in_the_bucket_is_not_seen(bucket: Bucket, store: ObjectStore) -> None:
    whole = bucket.open(prefix="")
    for key in ("x", "a/x", "a/prefixed/x"):
        whole.create(key, b"")
    assert (list(store.walk("")), store.names("")) == ([], ())
    store.create("x", b"")
    assert whole.names("a/prefix") == ("x",)
    assert (whole.address(""), store.address("x")) == (
        f"s3://{bucket.name}",
        f"s3://{bucket.name}/a/prefix/x",
    )


def test_a_file_is_read_once_and_then_on_this_host(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("x.txt", b"content")
    first = store.local("x.txt")
    monkeypatch.delattr(objects.obstore, "get")
    assert store.local("x.txt") == first
    assert first.read_bytes() == b"content"


def test_an_object_that_comes_short_is_an_error_and_leaves_nothing(
    bucket: Bucket, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create("x", b"content")

    class Short:
        def stream(self) -> Iterator[bytes]:
            yield b"con"

        @property
        def meta(self) -> dict[str, int]:
            return {"size": 7}

    with monkeypatch.context() as patch:
        patch.setattr(objects.obstore, "get", lambda *_: Short())
        with pytest.raises(OSError, match="only 3 bytes arrived"):
            store.local("x")
    assert not [path for path in bucket.cache.rglob("*") if path.is_file()]
    assert store.local("x").read_bytes() == b"content"


class TestTrouble:
    @everything
    @pytest.mark.usefixtures("strict")
    def test_an_access_key_that_the_server_does_not_know(self, bucket: Bucket, call: Call) -> None:
        message = unavailable(bucket, bucket.open(), call)
        words = "InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our"
        assert words in message or "403 Forbidden" in message

    @everything
    def test_a_bucket_that_there_is_not(self, bucket: Bucket, call: Call) -> None:
        store = bucket.open(name="no-such-bucket")
        if call is CALLS["find"]:  # the answer to HEAD says no more than that there is nothing
            assert call(store) is None
        else:
            assert "NoSuchBucket: The specified bucket does not exist" in unavailable(
                bucket, store, call
            )

    def test_a_server_that_does_not_run(self, bucket: Bucket) -> None:
        store = bucket.open(endpoint=NOBODY)
        assert "Connection refused" in unavailable(bucket, store, CALLS["create"])


def unavailable(bucket: Bucket, store: ObjectStore, call: Call) -> str:
    """Expect one sentence without the secret, and return it."""
    with pytest.raises(LakeUnavailableError) as refusal, translated(Lake(store)):
        call(store)
    text = str(refusal.value)
    assert text.startswith(f"the lake at {store.address('')} cannot be used now: ")
    assert "\n" not in text
    assert "Debug" not in text
    cause: BaseException | None = refusal.value
    while cause is not None:
        assert bucket.secret not in f"{cause} {cause!r} {cause.args}"
        cause = cause.__cause__ or cause.__context__
    return text


class TestSecrets:
    def test_no_representation_contains_the_secret(
        self, bucket: Bucket, store: ObjectStore
    ) -> None:
        credentials = Credentials("http://h", "r", "a", bucket.secret, f"{bucket.secret} too")
        place = Location(store, "x")
        for value in (credentials, store, place, Lake(store), replace(place, key="y")):
            assert bucket.secret not in f"{value} {value!r}"
        assert bucket.secret in json.dumps(asdict(credentials))

    def test_nothing_that_is_logged_says_it(
        self, bucket: Bucket, store: ObjectStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            put(store)
            directory = Location(store, "t")
            files = write_table(directory, NUMBERS, [pa.record_batch({"n": [1]})])
            assert tables.commit(directory, NUMBERS, files, "a") == 0
        assert bucket.secret not in caplog.text

    def test_a_missing_credential_is_left_out(self) -> None:
        assert Credentials().config == {"conditional_put": "etag"}
        assert Credentials("https://h").client == {}


def test_credentials_may_come_from_the_environment(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.secret)
    store = ObjectStore(bucket.name, "a/prefix", Credentials(), objects.Cache(tmp_path, 1))
    store.create("x", b"content")
    assert bucket.open().read("x") == b"content"
    directory = Location(store, "t")
    files = write_table(directory, NUMBERS, [pa.record_batch({"n": [1]})])
    assert tables.commit(directory, NUMBERS, files, "a") == 0
    assert tables.latest_version(directory) == 0
