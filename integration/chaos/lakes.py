"""All that chaos asks of the lake's own interface; everything else asks here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from isthmus_contracts import DataflowContract, Identity, Interval, Table
from isthmus_contracts.catalog import CATALOG
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta import tables
from isthmus_platform.lake.documents import documents_in, read_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.releases import garbage_collection, pointer
from isthmus_platform.lake.releases.models import Release, ReleasedTable
from isthmus_platform.storage import DiskStore, Location

from .orders import Order

KEEP_DAYS = 10.0
"""What a cleaning keeps: the first release of every case is older, its runs are younger."""

_KNOWN = re.compile(
    r"sources/\w+/\w+/([0-9a-f]{32}\.parquet|_delta_log/\d{20}\.json)"
    r"|dataflows/\w+/v\d+/(tables/\w+/([0-9a-f]{32}\.parquet|_delta_log/\d{20}\.json)"
    r"|files/\w+/[0-9a-f]{32}\.\w+|releases/[0-9a-f]{12}(-\d+)?\.json|pointer/\d{8}\.json)"
    r"|tombstones/[0-9T]+-[0-9a-f]{8}\.json"
)
# What a kill may leave of a document that was being written; nobody reads it. Delta's end in `#1`.
_DRAFT = re.compile(
    r"(dataflows/\w+/v\d+/(releases|pointer)|tombstones)/\.[-0-9a-fT]+\.json\.[0-9a-f]{32}"
    r"|(sources/\w+|dataflows/\w+/v\d+/tables)/\w+/_delta_log/\d{20}\.json#\d+"
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A published release, every byte of which was read: digests of what it says and what it is.

    `given` names the run's params and the rows that it read, `made` the content of its outputs;
    `parts` are the partitions that have rows, by name.
    """

    id: str
    run: str
    given: str
    made: str
    interval: Interval | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One partition of a release's table, of which each row was read."""

    run: str
    made: str


@dataclass(frozen=True, slots=True)
class Step:
    """A release and that which was current when it was published, as their documents say it."""

    made: Release
    base: Release | None


def open_lake(folder: Path) -> Lake:
    """Return the lake of a case."""
    return Lake(DiskStore(folder / "lake"))


def identity_of(dataflow: str) -> Identity:
    """Return the identity that a text names."""
    return CATALOG.dataflow(dataflow).identity


def command(order: Order) -> dict[str, object]:
    """Do in this process what a person asks `isthmus-platform` for: roll back, or clean."""
    lake, identity = open_lake(Path(order.folder)), identity_of(order.dataflow)
    if order.task == "rollback":
        return {"returned": releases.rollback(lake, identity, order.argument, by="chaos").id}
    keep = garbage_collection.retention(float(order.argument), force=True)
    return {"returned": len(garbage_collection.collect_garbage(lake, keep, by="chaos").files)}


def current(folder: Path, dataflow: str) -> str | None:
    """Return the id of the current release."""
    found = releases.current(open_lake(folder), identity_of(dataflow))
    return found.id if found else None


def published(folder: Path, dataflow: str) -> tuple[str, ...]:
    """Return the ids of every release that there is, newest publication first."""
    found = releases.releases(open_lake(folder), identity_of(dataflow))
    return tuple(release.id for release, _ in found)


def publications(folder: Path, dataflow: str) -> list[str]:
    """Return the release of every move of the pointer that was a publication, in order."""
    moves = pointer.read_moves(open_lake(folder).pointer(identity_of(dataflow)))
    return [move.release for move in moves if move.reason == "publish"]


def read_whole(folder: Path, dataflow: str, release_id: str) -> Whole:
    """Read everything of a release; raise whatever comes if it is not whole."""
    lake, contract = open_lake(folder), CATALOG.dataflow(dataflow)
    release = releases.release(lake, contract.identity, release_id)
    made: dict[str, object] = {}
    parts: dict[str, Part] = {}
    for output in contract.outputs:
        name = output.name
        if isinstance(output, Table):
            pin = releases.pin(release, name)
            rows, made[name] = _read_table(lake, pin, output)
            parts |= _read_parts(lake, release.tables[name], output)
            if rows != release.tables[name].rows:
                raise ValueError(f"{name} has {rows} rows; it says {release.tables[name].rows}")
        elif name in release.files:
            content = lake.path(release.files[name].path).local().read_bytes()
            made[name] = hashlib.sha256(content).hexdigest()
            if made[name] != release.files[name].sha256:
                raise ValueError(f"{name} has not the content that the release says")
        else:
            made[name] = dict(release.metrics[name])
    given = _given(lake, contract, release)
    return Whole(release.id, release.run, given, _digest(made), release.interval, parts)


def steps(folder: Path, dataflow: str) -> Iterator[Step]:
    """Yield each publication of a dataflow with what it followed, removed or not."""
    lake, identity = open_lake(folder), identity_of(dataflow)

    def of(name: str) -> Release:
        return read_document(Release, releases.document_of(lake, identity, name))

    before: str | None = None
    for move in pointer.read_moves(lake.pointer(identity)):
        if move.reason == "publish":
            yield Step(of(move.release), of(before) if before else None)
        before = move.release


def _given(lake: Lake, contract: DataflowContract, release: Release) -> str:
    read = {
        each.name: _read_table(lake, release.inputs[each.name], each.table)[1]
        for each in contract.inputs
    }
    return _digest({"params": dict(release.params), "inputs": read})


def _read_table(lake: Lake, pin: Pin, contract: Table) -> tuple[int, str]:
    """Return the number of rows of a table, and a digest of them."""
    return _read_rows(tables.files_of(lake.path(pin.table), pin.version), contract)


def _read_parts(lake: Lake, released: ReleasedTable, contract: Table) -> dict[str, Part]:
    """Read each partition by itself; raise `ValueError` if they are not the table."""
    folder, by = lake.path(released.path), contract.partitioning
    files = [each.name for part in released.partitions.values() for each in part.files]
    whole = [each.name for each in tables.files_of(folder, released.version)]
    if by is None:
        return {}
    if sorted(files) != sorted(whole):
        raise ValueError(f"the files of {contract.name} are {whole}; its partitions have {files}")
    parts = {}
    for name, part in released.partitions.items():
        places = [folder / each.name for each in part.files]
        days = [_read(each, contract)[by.column].cast(pa.date32()) for each in places]
        found = {by.name(day) for each in days for day in each.to_pylist()}
        rows, made = _read_rows(places, contract)
        if found != {name} or rows != part.rows:
            raise ValueError(f"partition {name} has {rows} rows of {found}; it says {part.rows}")
        parts[name] = Part(part.run, made)
    return parts


def _read_rows(files: Iterable[Location], contract: Table) -> tuple[int, str]:
    rows = pa.concat_tables([_read(each, contract) for each in files])
    rows = rows.sort_by([(name, "ascending") for name in contract.key]).combine_chunks()
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, rows.schema) as writer:
        writer.write_table(rows)
    return rows.num_rows, hashlib.sha256(buffer.getvalue()).hexdigest()


def _read(file: Location, contract: Table) -> pa.Table:
    rows = parquet.ParquetFile(file.local()).read()
    return rows.select([each.name for each in contract.columns])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def overtaken(folder: Path, dataflow: str) -> int:
    """Return how many releases were prepared and never published."""
    lake, identity = open_lake(folder), identity_of(dataflow)
    moves = pointer.read_moves(lake.pointer(identity))
    return len(documents_in(lake.releases(identity))) - len({move.release for move in moves})


def unknown_dataflows(folder: Path) -> tuple[list[str], list[str]]:
    """Return the files in the lake that have no place there, and drafts that were left behind."""
    root = folder / "lake"
    names = [
        Path(place, name).relative_to(root).as_posix()
        for place, _, files in os.walk(root)
        for name in files
    ]
    odd = [each for each in names if not _KNOWN.fullmatch(each)]
    drafts = [each for each in odd if _DRAFT.fullmatch(each)]
    return [each for each in odd if each not in drafts], drafts


def age(folder: Path, days: float) -> None:
    """Let every file in the lake have been written some days earlier."""
    for path in (folder / "lake").rglob("*"):
        before = path.stat().st_mtime - timedelta(days=days).total_seconds()
        os.utime(path, (before, before))


def written_by(task: str, dataflow: str) -> tuple[str, ...]:
    """Return the directories, relative to a case's folder, that a task writes in."""
    contract, lake = CATALOG.dataflow(dataflow), open_lake(Path())
    made = [each.name for each in contract.outputs if isinstance(each, Table)]
    tables_made = [lake.table(contract.identity, each) for each in made]
    runs = ("runs", f"runs/{contract.identity}")
    if task == "ingest":
        sources = [lake.source(str(each.source), each.name) for each in contract.inputs]
        found = [*sources, *(each / "_delta_log" for each in sources)]
    elif task == "transform":
        found = tables_made
    else:
        found = [each / "_delta_log" for each in tables_made]
        found += [lake.releases(contract.identity), lake.pointer(contract.identity)]
    places = tuple(str(each.local()) for each in found)
    return places if task == "publish" else (*places, *runs)
