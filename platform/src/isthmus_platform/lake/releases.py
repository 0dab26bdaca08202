"""Releases: one version of every output of a dataflow, published in one step or not at all.

Moving the pointer is the whole publication; tables and documents before it are preparation that
nobody sees. Everything before it can be repeated, so that a crash anywhere is mended by trying
again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from isthmus_contracts import Dataflow, Identity, ParamValue, Table, UnknownNameError
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.acceptance import Accepted, AcceptedOutput
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.pointer import last_move, read_moves, try_move
from isthmus_platform.lake.tables import TableFile, commit

_ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class ReleasedTable:
    """Pin a version of a table; `path` is its directory relative to the lake's root."""

    path: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """Pin a file; `path` is relative to the lake's root."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """Pin every output of one run of a dataflow, and say what it was made from."""

    id: str
    dataflow: str
    contract_version: str
    code_version: str
    run: str
    digest: str
    created_at: str
    params: Mapping[str, ParamValue]
    inputs: Mapping[str, Pin]
    tables: Mapping[str, ReleasedTable]
    files: Mapping[str, ReleasedFile]
    metrics: Mapping[str, Mapping[str, float]]


def publish(
    lake: Lake,
    dataflow: Dataflow,
    accepted: Accepted,
    *,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
) -> Release:
    """Publish what one run made, and return its release.

    The identity of a publication is the run and the digest of what was accepted: repeating it
    returns the release that there is and does not move the pointer, even if another is current.
    Raise `PublicationError` if `accepted` is not every output of this dataflow and version.
    """
    _check(dataflow, accepted)
    identity, pointer = dataflow.identity, lake.pointer(dataflow.identity)
    wanted = _release_id(accepted)
    document = _document(lake, identity, wanted)
    if not document.exists():
        prepared = _prepare(lake, dataflow, accepted, params, inputs)
        with suppress(FileExistsError):  # a repetition that ran beside us was first
            write_once(document, prepared)
    moves = read_moves(pointer)
    while wanted not in (move.release for move in moves):
        try_move(pointer, moves, wanted, "publish", accepted.run)
        moves = read_moves(pointer)
    return read_document(Release, document)


def pin(release: Release, table: str) -> Pin:
    """Return the pin with which another run reads a table of this release.

    Raise `UnknownNameError` if it has no such table.
    """
    if table not in release.tables:
        raise UnknownNameError(f"table of release {release.id} named", table, release.tables)
    return Pin(release.tables[table].path, release.tables[table].version, release.id)


def current(lake: Lake, dataflow: Identity) -> Release | None:
    """Return the release that readers get, or None if there was no publication yet."""
    move = last_move(lake.pointer(dataflow))
    return read_document(Release, _document(lake, dataflow, move.release)) if move else None


def release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a published release, or raise `UnknownNameError` listing those that there are."""
    known = _published(lake, dataflow)
    if release_id not in known:
        raise UnknownNameError(f"release of dataflow '{dataflow}' named", release_id, known)
    return read_document(Release, _document(lake, dataflow, release_id))


def releases(lake: Lake, dataflow: Identity) -> tuple[tuple[Release, bool], ...]:
    """Return every published release, newest publication first, and whether it is current."""
    move = last_move(lake.pointer(dataflow))
    return tuple(
        (read_document(Release, _document(lake, dataflow, each)), each == (move and move.release))
        for each in reversed(_published(lake, dataflow))
    )


def rollback(lake: Lake, dataflow: Identity, release_id: str, *, by: str) -> Release:
    """Make a published release current again; `by` says who wants it.

    Raise `UnknownNameError` if there is no such release. Nothing moves if it is current.
    """
    wanted = release(lake, dataflow, release_id)
    pointer = lake.pointer(dataflow)
    while (moves := read_moves(pointer))[-1].release != wanted.id:
        try_move(pointer, moves, wanted.id, "rollback", by)
    return wanted


def _check(dataflow: Dataflow, accepted: Accepted) -> None:
    name = str(dataflow.identity)
    if (accepted.dataflow, accepted.contract_version) != (name, dataflow.version):
        raise PublicationError(
            name,
            f"accepted is {accepted.dataflow!r} in contract version {accepted.contract_version!r}; "
            f"the platform has {dataflow.version!r}",
        )
    ready = sorted(each.name for each in accepted.outputs)
    if ready != sorted(each.name for each in dataflow.outputs):
        raise PublicationError(
            name,
            f"accepted are {', '.join(ready) or 'no outputs'}; a release has "
            + ", ".join(each.name for each in dataflow.outputs),
        )


def _release_id(accepted: Accepted) -> str:
    words = json.dumps([accepted.dataflow, accepted.run, accepted.digest])
    return hashlib.sha256(words.encode()).hexdigest()[:_ID_CHARACTERS]


def _prepare(
    lake: Lake,
    dataflow: Dataflow,
    accepted: Accepted,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
) -> Release:
    for file in (file for output in accepted.outputs for file in output.files):
        if not lake.path(file.path).is_file():
            raise PublicationError(accepted.dataflow, f"the accepted file {file.path} is gone")
    release_id = _release_id(accepted)
    tables, files, metrics = {}, {}, {}
    for output in accepted.outputs:
        contract = dataflow.output(output.name)
        if isinstance(contract, Table):
            tables[output.name] = _commit(lake, dataflow, contract, output, release_id)
        elif output.metrics is not None:
            metrics[output.name] = output.metrics
        else:
            (file,) = output.files
            files[output.name] = ReleasedFile(file.path, file.bytes, file.sha256)
    return Release(
        id=release_id,
        dataflow=accepted.dataflow,
        contract_version=accepted.contract_version,
        code_version=accepted.code_version,
        run=accepted.run,
        digest=accepted.digest,
        created_at=datetime.now(UTC).isoformat(),
        params=params,
        inputs=inputs,
        tables=tables,
        files=files,
        metrics=metrics,
    )


def _commit(
    lake: Lake, dataflow: Dataflow, table: Table, output: AcceptedOutput, release_id: str
) -> ReleasedTable:
    directory = lake.table(dataflow.identity, table.name)
    files = [
        TableFile(lake.path(each.path).name, each.bytes, each.rows or 0) for each in output.files
    ]
    version = commit(directory, table, files, app_id=release_id)
    return ReleasedTable(lake.relative(directory), version, sum(each.rows for each in files))


def _published(lake: Lake, dataflow: Identity) -> list[str]:
    moves = read_moves(lake.pointer(dataflow))
    return list(dict.fromkeys(move.release for move in moves))


def _document(lake: Lake, dataflow: Identity, release_id: str) -> Path:
    return lake.releases(dataflow) / f"{release_id}.json"
