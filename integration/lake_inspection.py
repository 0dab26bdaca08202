"""Readers of the lake that read every byte, and the invariants of the lake."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from integration.invariants import content, lake_of
from pyarrow import parquet

from isthmus_contracts import DataflowContract, Table
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of, read_version
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.releases import queries
from isthmus_platform.lake.releases.manifests import Partitions
from isthmus_platform.lake.releases.models import Release
from isthmus_platform.lake.releases.pointer import read_moves

_LOG = r"_delta_log/(\d{20}(\.checkpoint\.parquet|\.json)|_last_checkpoint)"
_KNOWN = re.compile(
    rf"sources/\w+/\w+/([0-9a-f]{{32}}\.parquet|{_LOG})"
    rf"|dataflows/\w+/v\d+/(tables/\w+/([0-9a-f]{{32}}\.parquet|{_LOG}"
    r"|_manifests/[0-9a-f]{32}\.json)"
    r"|files/\w+/[0-9a-f]{32}\.\w+|releases/[0-9a-f]{12}/\d+\.json|pointers/main/\d{8}\.json"
    r"|accepted/[0-9a-f]{32}/[0-9a-f]{64}\.json)"
    r"|tombstones/[0-9T]+-[0-9a-f]{8}\.json"
)
# A kill may leave a partly written document; nobody reads it. Those of Delta end in `#1`.
_DRAFT = re.compile(
    r"(dataflows/\w+/v\d+/(releases/[0-9a-f]{12}|accepted/[0-9a-f]{32}|pointers/main"
    r"|tables/\w+/_manifests)|tombstones)/\.[-0-9a-fT]+\.json\.[0-9a-f]{32}"
    r"|(sources/\w+|dataflows/\w+/v\d+/tables)/\w+/_delta_log/\d{20}\.json#\d+"
)


@dataclass(frozen=True, slots=True)
class Whole:
    """A published release, every byte of which was read: digests of its inputs and outputs.

    `given` names the run's params and the rows that it read, `made` the content of its outputs;
    `parts` are the runs and digests of the partitions that have rows, by name.
    """

    id: str
    run: str
    given: str
    made: str
    parts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def current(state: Path, contract: DataflowContract) -> str | None:
    """Return the id of the current release."""
    found = current_release(state, contract)
    return found.id if found else None


def current_release(state: Path, contract: DataflowContract) -> Release | None:
    """Return the current release."""
    return releases.current(lake_of(state), contract.identity)


def published(state: Path, contract: DataflowContract) -> tuple[str, ...]:
    """Return the ids of every release that there is, newest publication first."""
    return tuple(release.id for release, _ in releases.releases(lake_of(state), contract.identity))


def read_whole(state: Path, contract: DataflowContract, release_id: str) -> Whole:
    """Read everything of a release; raise any exception if it is not whole."""
    lake = lake_of(state)
    release = releases.release(lake, contract.identity, release_id)
    found = content(lake, contract, release)
    made = {name: _rows_digest(rows) for name, rows in found.tables.items()}
    metrics = {name: dict(numbers) for name, numbers in found.metrics.items()}
    given: dict[str, object] = {"params": dict(release.params)}
    for declared in contract.inputs:
        pin = release.inputs[declared.name]
        rows = read_version(lake.path(pin.table), pin.version).to_pyarrow_table()
        given[declared.name] = _rows_digest(_ordered(rows, declared.table))
    parts: dict[str, tuple[str, str]] = {}
    for table in contract.partitioned:
        parts |= _read_parts(lake, release, table)
    outputs = [made, dict(found.files), metrics, str(release.interval)]
    return Whole(release.id, release.run, _digest(given), _digest(outputs), parts)


def _read_parts(lake: Lake, release: Release, table: Table) -> dict[str, tuple[str, str]]:
    """Read each partition by itself; raise `ValueError` if they differ from the table."""
    released, by = release.tables[table.name], table.partitioning
    assert by is not None
    whole = [file.name for file in files_of(lake.path(released.path), released.version)]
    partitions = releases.partitions_of(lake, released)
    files = [file.name for part in partitions.values() for file in part.files]
    if sorted(files) != sorted(whole):
        raise ValueError(f"the files of {table.name} are {whole}; its partitions have {files}")
    parts = {}
    for name, part in partitions.items():
        places = [lake.path(f"{released.path}/{file.name}").local() for file in part.files]
        rows = pa.concat_tables([parquet.ParquetFile(place).read() for place in places])
        found = {by.name(day) for day in rows[by.column].cast(pa.date32()).to_pylist()}
        if found != {name} or rows.num_rows != part.rows:
            actual = f"partition {name} has {rows.num_rows} rows of {found}"
            raise ValueError(f"{actual}; the release says {part.rows} rows")
        parts[name] = (part.run, _rows_digest(_ordered(rows, table)))
    return parts


def broken_releases(
    state: Path, contract: DataflowContract, wholes: dict[str, Whole]
) -> Iterator[str]:
    """Yield the broken invariants of a dataflow's releases; add the whole releases to `wholes`."""
    found, now = published(state, contract), current(state, contract)
    if now not in found:
        yield f"the current release of {contract.name}, {now}, is none of those published"
    moves = read_moves(lake_of(state).pointer(contract.identity))
    times = Counter(move.release for move in moves if move.reason == "publish")
    for name in (name for name, often in times.items() if often > 1):
        yield f"release {name} of {contract.name} was published {times[name]} times"
    for name in found:
        try:
            wholes[name] = read_whole(state, contract, name)
        except Exception as error:  # noqa: BLE001 - whatever it is, readers get it too
            role = "current" if name == now else "published"
            yield f"the {role} release {name} of {contract.name} is not whole: {words(error)}"


def wrong_publications(
    state: Path, contract: DataflowContract, wanted: Callable[[str], Collection[str] | None]
) -> Iterator[str]:
    """Yield what publications changed that they should not have, or should have and did not.

    `wanted` returns the partitions in the inputs of a release's run, or None if they are unknown;
    the release may have been removed.
    """
    (table,) = contract.partitioned
    assert table.partitioning is not None
    lake = lake_of(state)
    base: str | None = None
    found: Partitions | None = {}
    for move in read_moves(lake.pointer(contract.identity)):
        release = queries.read_release(lake, contract.identity, move.release)
        followed, previous = base, found
        base, found = release.id, _partitions(lake, release, table)
        if move.reason != "publish" or found is None:
            continue
        head, made, read = f"release {release.id}", found, wanted(release.id)
        names = {*made, *(previous or ()), *(read or ())}
        if release.interval is not None:
            names = {*table.partitioning.names(release.interval)}
        for name in sorted({*made, *(previous or ())} - names):
            if previous is not None and made.get(name) != previous.get(name):
                yield f"{head} has another partition {name} than {followed}, which it followed"
        for name in sorted(names & made.keys()):
            if made[name].run != release.run:
                yield f"{head} has the partition {name} of run {made[name].run}"
        if read is not None and names & made.keys() != names & {*read}:
            has, expected = (
                ", ".join(sorted(names & {*partitions})) for partitions in (made, read)
            )
            shown = f"{has or 'nothing'}; expected is {expected or 'nothing'}"
            yield f"{head} has of its interval {shown}"


def _partitions(lake: Lake, release: Release, table: Table) -> Partitions | None:
    """Return a release's partitions, or None if garbage collection has removed its manifests."""
    try:
        return releases.partitions_of(lake, release.tables[table.name])
    except FileNotFoundError:
        return None


def words(error: Exception) -> str:
    """Return an error in one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _ordered(rows: pa.Table, table: Table) -> pa.Table:
    order = [(name, "ascending") for name in table.key]
    return rows.sort_by(order).select([column.name for column in table.columns])


def _rows_digest(rows: pa.Table) -> str:
    buffer = io.BytesIO()
    rows = rows.replace_schema_metadata().combine_chunks()
    with pa.ipc.new_stream(buffer, rows.schema) as writer:
        writer.write_table(rows)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def unknown_files(state: Path) -> list[str]:
    """Return the files in the lake that do not belong there."""
    root = state / "lake"
    paths = (Path(place, name) for place, _, names in os.walk(root) for name in names)
    odd = [name for path in paths if not _KNOWN.fullmatch(name := str(path.relative_to(root)))]
    return [name for name in odd if not _DRAFT.fullmatch(name)]


def age(state: Path, days: float) -> None:
    """Move the modification time of every file in the lake some days back."""
    for path in (state / "lake").rglob("*"):
        before = path.stat().st_mtime - days * 24 * 3600
        os.utime(path, (before, before))
