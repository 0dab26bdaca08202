"""A process that publishes prepared runs one after the other, and may be killed on the way.

python publishing_process.py STORE ACCEPTED.json [STEP], where STORE is JSON
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import obstore

from isthmus_contracts import Column, DataflowContract, File, Metric, Metrics, Table
from isthmus_contracts.codec import deserialize
from isthmus_platform.lake.intake.accepted import Accepted
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import publication
from isthmus_platform.storage import DiskStore, Store, disk
from isthmus_platform.storage.cache import Cache
from isthmus_platform.storage.objects import Credentials, ObjectStore

DAYS = Table(
    "days",
    "One row per airport and day.",
    (
        Column("origin", "string", "Airport.", choices=("EWR", "JFK", "LGA")),
        Column("date", "date", "Day."),
        Column("flights", "int64", "Flights.", minimum=1),
        Column("late_share", "float64", "Share that was late.", minimum=0, maximum=1),
        Column("gust", "float64", "Strongest gust.", nullable=True, minimum=0),
        Column("is_holiday", "bool", "Whether it is a holiday.", nullable=True),
        Column("updated", "timestamp", "When it was counted.", nullable=True),
    ),
    key=("origin", "date"),
    min_rows=1,
)
CARRIERS = Table("carriers", "One row per airline.", (Column("carrier", "string", "Airline."),))
DATAFLOW = DataflowContract(
    "delays",
    "2.1.0",
    "data-science",
    "What the lake's tests publish.",
    inputs=(),
    outputs=(
        DAYS,
        CARRIERS,
        File("report", "A page.", ".html"),
        Metrics("quality", "Numbers.", (Metric("auc", "Area.", minimum=0, maximum=1),)),
    ),
)


def open_store(where: Mapping[str, str]) -> Store:
    """Return the store in a directory, or in a bucket of the server for tests."""
    if "root" in where:
        return DiskStore(Path(where["root"]))
    credentials = Credentials(where["endpoint"], "us-east-1", "access", where["secret"])
    cache = Cache(Path(where["cache"]), 10**9)
    return ObjectStore(where["name"], "a/prefix", credentials, cache)


def _dying(function: Callable[..., Any], call: int, *, after: bool = False) -> Callable[..., Any]:
    calls = 0

    def wrapped(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def main() -> None:
    store, runs, *step = sys.argv[1:]
    lake = Lake(open_store(json.loads(store)))
    # What creates the documents: two manifests, the release, and the pointer's move, the fourth.
    module, name = (disk.os, "link") if isinstance(lake.store, DiskStore) else (obstore, "put")
    create = getattr(module, name)
    match step:
        case ["between tables"]:
            publication.commit = _dying(publication.commit, 1, after=True)
        case ["before the document"]:
            publication.write_once = _dying(publication.write_once, 1)
        case ["before the pointer"]:
            setattr(module, name, _dying(create, 4))
        case ["after the pointer"]:
            setattr(module, name, _dying(create, 4, after=True))
    for plain in json.loads(Path(runs).read_text(encoding="utf-8")):
        accepted = deserialize(Accepted, plain)
        publication.publish(lake, DATAFLOW, accepted, params={}, inputs={})


if __name__ == "__main__":
    main()
