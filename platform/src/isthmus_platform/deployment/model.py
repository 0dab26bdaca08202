"""The deployment: one TOML file that says where things are and how dataflows run."""

from __future__ import annotations

import os
import re
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from isthmus_contracts import DataflowContract, ProtocolError, UnknownNameError
from isthmus_contracts.catalog import Catalog
from isthmus_contracts.codec import deserialize
from isthmus_platform.deployment.settings import Settings, expect, mismatches
from isthmus_platform.errors import DeploymentError

FILE_VARIABLE = "ISTHMUS_DEPLOYMENT"
LOCAL = Path(__file__).parent / "local.toml"

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")

# What an environment may not bring to a runner: Airflow's settings, and what is ours to say.
_RESERVED = ("AIRFLOW", "ISTHMUS")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunsLocation:
    """Say in which directory something is kept."""

    root: str

    def __post_init__(self) -> None:
        expect(Path(self.root).is_absolute(), "root", self.root, "an absolute path")


@dataclass(frozen=True, slots=True)
class LakeLocation:
    """Say where the lake is: in a directory, or in a bucket such as `s3://bucket/prefix`.

    A bucket's credentials are those of the Airflow `connection`, of type `aws`; without one, they
    are those of the environment variables `AWS_...`, or of the machine's role. What is read from a
    bucket is kept in the directory `cache`, on each host.
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
        bucket = _BUCKET.fullmatch(self.root)
        allowed = "an absolute path, or a bucket as in s3://bucket/prefix"
        expect(Path(self.root).is_absolute() or bucket is not None, "root", self.root, allowed)
        if bucket is None:
            for name in ("connection", "cache"):
                value = getattr(self, name)
                expect(value is None, name, value, "none, for the lake is in a directory")
            return
        absolute = self.cache is not None and Path(self.cache).is_absolute()
        expect(absolute, "cache", self.cache, "an absolute path, for the lake is in a bucket")
        expect(self.cache_megabytes > 0, "cache_megabytes", self.cache_megabytes, "1 or more")
        expect(self.connection != "", "connection", self.connection, "an Airflow connection")


@dataclass(frozen=True, slots=True)
class Source:
    """Say where a dataset is read: an Airflow connection, and `schema.table` where names differ."""

    connection: str
    tables: Mapping[str, str] = field(default_factory=dict)
    chunk_rows: int = 50_000

    def __post_init__(self) -> None:
        expect(self.chunk_rows > 0, "chunk_rows", self.chunk_rows, "1 or more")


@dataclass(frozen=True, slots=True)
class Runner:
    """Say how a runner is started, and what its environment holds beyond the allow-list.

    `user` is the Unix user that it runs as, by default Airflow's own; `disk_limit_megabytes` is how
    much it may write into its staging directory and scratch directories together.
    """

    command: tuple[str, ...]
    home: str
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    disk_limit_megabytes: int | None = None

    def __post_init__(self) -> None:
        expect(bool(self.command), "command", list(self.command), "a program and its arguments")
        expect(Path(self.home).is_absolute(), "home", self.home, "an absolute path")
        expect(self.user not in ("", "root"), "user", self.user, "a Unix user other than root")
        limit = self.disk_limit_megabytes
        expect(limit is None or limit > 0, "disk_limit_megabytes", limit, "1 or more")
        for name in self.environment:
            free = not name.startswith(_RESERVED)
            expect(free, "a name in environment", name, "no setting of Airflow's or Isthmus's")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Hold a deployment file whose common part is sound; each dataflow's part is read on demand."""

    file: Path
    lake: LakeLocation
    runs: RunsLocation
    sources: Mapping[str, Source]
    runners: Mapping[str, Runner]
    defaults: Mapping[str, object]
    dataflows: Mapping[str, object]

    def settings(self, dataflow: DataflowContract) -> Settings:
        """Return how a dataflow runs here, or raise `DeploymentError`."""
        name = str(dataflow.identity)
        own = self.dataflows.get(name, {})
        place = f'[dataflows."{name}"]'
        if not isinstance(own, Mapping):
            raise DeploymentError(self.file, place, f"expected a table, got {own!r}")
        settings = _decode(Settings, _merged(self.defaults, own), self.file, place)
        if settings.runner not in self.runners:
            error = UnknownNameError("runner", settings.runner, self.runners)
            where = place if "runner" in own else "[defaults]"
            raise DeploymentError(self.file, where, str(error))
        for declared in dataflow.inputs:
            if isinstance(declared.source, str) and declared.source not in self.sources:
                error = UnknownNameError("source", declared.source, self.sources)
                raise DeploymentError(self.file, f"[sources.{declared.source}]", str(error))
        for problem in mismatches(dataflow, settings):
            raise DeploymentError(self.file, place, problem)
        return settings

    def unknown_dataflows(self, catalog: Catalog) -> dict[str, DeploymentError]:
        """Return an error for each part that is for a dataflow which the catalog does not have."""
        known = [str(dataflow.identity) for dataflow in catalog.dataflows]
        return {
            name: DeploymentError(
                self.file, f'[dataflows."{name}"]', str(UnknownNameError("dataflow", name, known))
            )
            for name in self.dataflows
            if name not in known
        }

    def unknown_sources(self, catalog: Catalog) -> Iterator[DeploymentError]:
        """Yield an error for each source of no dataset, and each table that its dataset lacks."""
        tables = {
            dataset.name: [table.name for table in dataset.tables] for dataset in catalog.datasets
        }
        for name, source in self.sources.items():
            place = f"[sources.{name}]"
            if name not in tables:
                error = UnknownNameError("dataset", name, tables)
                yield DeploymentError(self.file, place, str(error))
                continue
            for each in source.tables:
                if each not in tables[name]:
                    error = UnknownNameError("table", each, tables[name])
                    yield DeploymentError(self.file, f"{place}.tables", str(error))


def load_deployment(file: Path | None = None) -> Deployment:
    """Return the deployment in `file`, by default the one that `ISTHMUS_DEPLOYMENT` names.

    `${NAME}` in a text stands for an environment variable. Raise `DeploymentError` if there is no
    such file or its common part is not sound.
    """
    path = file or Path(os.environ.get(FILE_VARIABLE, LOCAL))
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeploymentError(path, "file", f"it cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeploymentError(path, "file", f"it is no TOML: {error}") from None
    plain = _substituted(document, path, "")
    known = ("lake", "runs", "sources", "runners", "defaults", "dataflows")
    for name, part in plain.items():
        if name not in known:
            raise DeploymentError(path, f"[{name}]", str(UnknownNameError("part", name, known)))
        if not isinstance(part, Mapping):
            raise DeploymentError(path, name, f"expected a table, got {part!r}")
    _decode(Settings, plain.get("defaults", {}), path, "[defaults]")  # so that it names this place
    return Deployment(
        file=path,
        lake=_decode(LakeLocation, plain.get("lake", {}), path, "[lake]"),
        runs=_decode(RunsLocation, plain.get("runs", {}), path, "[runs]"),
        sources=_each(Source, plain.get("sources", {}), path, "sources"),
        runners=_each(Runner, plain.get("runners", {}), path, "runners"),
        defaults=plain.get("defaults", {}),
        dataflows=plain.get("dataflows", {}),
    )


def _merged(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return a dataflow's settings; another engine's options are none of its own."""
    merged = {**defaults, **own}
    if merged.get("engine") != defaults.get("engine") and "engine_options" not in own:
        merged.pop("engine_options", None)
    return merged


def _each(cls: type[T], parts: Mapping[str, object], file: Path, where: str) -> dict[str, T]:
    return {name: _decode(cls, part, file, f"[{where}.{name}]") for name, part in parts.items()}


def _decode(cls: type[T], part: object, file: Path, where: str) -> T:
    try:
        return deserialize(cls, part, where)
    except ProtocolError as error:
        raise DeploymentError(file, error.where, error.problem) from None
    except ValueError as error:
        raise DeploymentError(file, where, str(error)) from None


def _substituted(value: object, file: Path, where: str) -> dict[str, dict[str, object]]:
    return _substitute(value, file, where)  # type: ignore[return-value] # a TOML document is this


def _substitute(value: object, file: Path, where: str) -> object:
    if isinstance(value, dict):
        return {
            name: _substitute(each, file, f"{where}.{name}".strip("."))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_substitute(each, file, where) for each in value]
    if not isinstance(value, str):
        return value
    try:
        return string.Template(value).substitute(os.environ)
    except KeyError as error:
        name = error.args[0]
        raise DeploymentError(file, where, f"environment variable {name!r} is not set") from None
    except ValueError:
        raise DeploymentError(file, where, f"{value!r} has a $ that starts no name") from None
