"""The sections of a deployment file: where the lake, run records, sources and runners are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from isthmus_platform.deployment.settings import MOST_DAYS, Rule, expect

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")

# Variables that a deployment may not set for a runner: settings of Airflow and of Isthmus.
_RESERVED = ("AIRFLOW", "ISTHMUS")
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class RunsLocation:
    """Say in which directory the records of runs are, and how long those of old runs remain."""

    root: str
    keep_days: float = 365.0

    def __post_init__(self) -> None:
        days = self.keep_days
        expect(
            (Path(self.root).is_absolute(), "root", self.root, "an absolute path"),
            (1 <= days <= MOST_DAYS, "keep_days", days, "1 to ten years"),
        )


@dataclass(frozen=True, slots=True)
class LakeLocation:
    """Say where the lake is: in a directory, or in a bucket such as `s3://bucket/prefix`.

    A bucket's credentials are those of the Airflow `connection`, of type `aws`; without one, they
    are those of the environment variables `AWS_...`, or of the machine's role. What is read from a
    bucket is copied to the directory `cache` on each host.
    """

    root: str
    connection: str | None = None
    cache: str | None = None
    cache_megabytes: int = 20_000

    @property
    def is_bucket(self) -> bool:
        """Say whether the lake is in a bucket."""
        return self.root.startswith("s3://")

    def __post_init__(self) -> None:
        expect(*self._rules())

    def _rules(self) -> Iterator[Rule]:
        bucket, directory = _BUCKET.fullmatch(self.root), Path(self.root).is_absolute()
        allowed = "an absolute path, or a bucket as in s3://bucket/prefix"
        yield directory or bucket is not None, "root", self.root, allowed
        if directory:
            for name in ("connection", "cache"):
                value = getattr(self, name)
                yield value is None, name, value, "none, because the lake is in a directory"
        elif bucket is not None:
            absolute = self.cache is not None and Path(self.cache).is_absolute()
            allowed = "an absolute path, because the lake is in a bucket"
            yield absolute, "cache", self.cache, allowed
            yield self.cache_megabytes > 0, "cache_megabytes", self.cache_megabytes, "1 or more"
            yield self.connection != "", "connection", self.connection, "an Airflow connection"


@dataclass(frozen=True, slots=True)
class Source:
    """Say where a dataset is read: an Airflow connection, and `schema.table` where names differ."""

    connection: str
    tables: Mapping[str, str] = field(default_factory=dict)
    chunk_rows: int = 50_000

    def __post_init__(self) -> None:
        expect((self.chunk_rows > 0, "chunk_rows", self.chunk_rows, "1 or more"))


@dataclass(frozen=True, slots=True)
class Runner:
    """Say how a runner is started, and what its environment holds beyond the allow-list.

    `user` is the Unix user that it runs as, by default Airflow's own; `disk_limit_megabytes` is how
    much it may write into its staging directory and scratch directories together. Beyond its own
    directories and code it reads the paths in `readable`, writes those in `writable`, and connects
    to the TCP ports in `network`, of whatever host.
    """

    command: tuple[str, ...]
    home: str
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    disk_limit_megabytes: int | None = None
    network: tuple[int, ...] = ()
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        limit = self.disk_limit_megabytes
        expect(
            (bool(self.command), "command", list(self.command), "a program and its arguments"),
            (Path(self.home).is_absolute(), "home", self.home, "an absolute path"),
            (self.user not in ("", "root"), "user", self.user, "a Unix user other than root"),
            (limit is None or limit > 0, "disk_limit_megabytes", limit, "1 or more"),
            *(
                (0 < port <= _LAST_PORT, "a port in network", port, f"1 to {_LAST_PORT}")
                for port in self.network
            ),
            *(
                (Path(path).is_absolute(), f"a path in {name}", path, "an absolute path")
                for name, paths in (("readable", self.readable), ("writable", self.writable))
                for path in paths
            ),
            *(
                (
                    not name.startswith(_RESERVED),
                    "a name in environment",
                    name,
                    "no setting of Airflow's or Isthmus's",
                )
                for name in self.environment
            ),
        )
