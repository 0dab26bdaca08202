"""What the lake needs of the object store, asked of the one that runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import httpx
import pytest
from stack import Stack

from isthmus_platform.storage.objects import ObjectStore

WRITERS = 8
KEYS = 10
WRITES_BEFORE_IT_IS_KILLED = 200
S3, LOOPBACK, LISTENS = 8333, "7F", "0A"


@pytest.fixture
def store(stack: Stack) -> Iterator[ObjectStore]:
    """Return the lake's store, and remove what a test leaves in it."""
    store = stack.lake.store
    assert isinstance(store, ObjectStore)
    yield store
    for file in store.walk("test"):
        store.remove(file.key)


@pytest.mark.smoke
def test_of_many_writers_at_once_each_object_is_created_by_one(store: ObjectStore) -> None:
    together = Barrier(WRITERS)

    def write(me: bytes) -> list[str]:
        created = []
        for number in range(KEYS):
            together.wait()
            if creates(store, f"test/{number}", me):
                created.append(f"test/{number}")
        return created

    writers = [str(number).encode() for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        created = dict(zip(writers, pool.map(write, writers), strict=True))
    keys = sorted(key for mine in created.values() for key in mine)
    assert keys == sorted(f"test/{number}" for number in range(KEYS))
    for me, mine in created.items():
        assert [store.read(key) for key in mine] == [me] * len(mine)
    assert not any(creates(store, key, b"late") for key in keys)


def test_what_it_has_acknowledged_outlives_a_kill(stack: Stack, store: ObjectStore) -> None:
    stop = Event()
    acknowledged: list[str] = []

    def write(me: int) -> None:
        number = 0
        while not stop.is_set():
            key = f"test/{me}-{number}"
            try:
                if creates(store, key, key.encode()):
                    acknowledged.append(key)
            except OSError:
                return
            number += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(WRITERS):
            pool.submit(write, number)
        while len(acknowledged) < WRITES_BEFORE_IT_IS_KILLED:
            time.sleep(0.01)
        stack.kill("object-store", down_seconds=0)
        stop.set()
    stack.compose("up", "--detach", "--wait", "--no-recreate")
    assert len(acknowledged) >= WRITES_BEFORE_IT_IS_KILLED
    assert [store.read(key) for key in acknowledged] == [key.encode() for key in acknowledged]
    assert not creates(store, acknowledged[-1], b"late")


def creates(store: ObjectStore, key: str, content: bytes) -> bool:
    """Say whether this is who has created an object."""
    try:
        store.create(key, content)
    except FileExistsError:
        return False
    return True


def test_of_its_ports_others_reach_only_the_one_for_s3(stack: Stack) -> None:
    table = stack.compose("exec", "-T", "object-store", "sh", "-c", "cat /proc/net/tcp*")
    rows = [line.split() for line in table.splitlines() if ":" in line]
    listening = [row[1].split(":") for row in rows if row[3] == LISTENS]
    assert len(listening) > 1  # its own, for itself
    reached = {int(port, 16) for address, port in listening if not address.endswith(LOOPBACK)}
    assert reached == {S3}


def test_it_asks_for_a_password(stack: Stack) -> None:
    endpoint = f"http://127.0.0.1:{stack.environment['ISTHMUS_LAKE_PORT']}"
    for url in (endpoint, f"{endpoint}/lake", f"{endpoint}/lake/isthmus"):
        assert httpx.get(url).status_code == 403
    assert httpx.put(f"{endpoint}/lake/isthmus/test/x", content=b"x").status_code == 403
