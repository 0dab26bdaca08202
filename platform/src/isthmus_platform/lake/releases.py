"""Releases: one version of every output of a dataflow, published in one step or not at all.

Moving the pointer is the whole publication; tables and documents before it are preparation that
nobody sees. Everything before it can be repeated, so that a crash anywhere is mended by trying
again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from isthmus_contracts import Dataflow, Identity, ParamValue, Table, UnknownNameError
from isthmus_platform.errors import PublicationError
from isthmus_platform.lake.acceptance import Accepted, AcceptedOutput
from isthmus_platform.lake.documents import read_document, write_once
from isthmus_platform.lake.gates import Approval, check_approval, check_volume
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.places import Lake
from isthmus_platform.lake.pointer import last_move, read_moves, try_move
from isthmus_platform.lake.removal import check_not_cleaned, check_not_removed, removed
from isthmus_platform.lake.tables import TableFile, commit, files_of
from isthmus_platform.lake.trouble import usable
from isthmus_platform.storage import Location

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
    warnings: tuple[str, ...] = ()


def publish(  # noqa: PLR0913 - each names what it is
    lake: Lake,
    dataflow: Dataflow,
    accepted: Accepted,
    *,
    params: Mapping[str, ParamValue],
    inputs: Mapping[str, Pin],
    approval: Approval | None = None,
) -> Release:
    """Publish what one run made, and return its release.

    The identity of a publication is the run and the digest of what was accepted: repeating it
    returns the release that there is and does not move the pointer, even if another is current.
    Raise `PublicationError` if `accepted` is not every output of this dataflow and version, has a
    volume that the contract does not allow after the current release, is not what `approval` is of,
    or pins a file that may have been cleaned away; `RemovedReleaseError` if the release was
    removed, and `LakeUnavailableError` for a disk that is full, say.
    """
    _check(dataflow, accepted)
    identity, pointer = dataflow.identity, lake.pointer(dataflow.identity)
    wanted = _release_id(accepted)
    document = _document(lake, identity, wanted)
    with usable(lake):
        moves = read_moves(pointer)
        if wanted not in (move.release for move in moves):
            check_gates(lake, dataflow, accepted, approval)  # before anything is written
        if document.find() is None:
            prepared = _prepare(lake, dataflow, accepted, params, inputs)
            with suppress(FileExistsError):  # a repetition that ran beside us was first
                write_once(document, prepared)
        moves = read_moves(pointer)
        while wanted not in (move.release for move in moves):
            _check_gates(lake, dataflow, accepted, approval, moves[-1].release if moves else None)
            made = read_document(Release, document)
            check_not_removed(identity, wanted, moves)
            check_not_cleaned(lake, dataflow, outputs_of(lake, made), made.inputs)
            try_move(pointer, moves, wanted, "publish", accepted.run)
            moves = read_moves(pointer)
        check_not_removed(identity, wanted, moves)
        return read_document(Release, document)


def check_gates(
    lake: Lake, dataflow: Dataflow, accepted: Accepted, approval: Approval | None = None
) -> None:
    """Raise `PublicationError` if this could not be published after the current release."""
    move = last_move(lake.pointer(dataflow.identity))
    _check_gates(lake, dataflow, accepted, approval, move.release if move else None)


def _check_gates(
    lake: Lake,
    dataflow: Dataflow,
    accepted: Accepted,
    approval: Approval | None,
    last: str | None,
) -> None:
    if approval is not None:
        check_approval(dataflow, accepted, approval, last)
    if last is not None:
        tables = read_document(Release, _document(lake, dataflow.identity, last)).tables
        before = {name: table.rows for name, table in tables.items()}
        check_volume(dataflow, accepted, last, before)


def pin(release: Release, table: str) -> Pin:
    """Return the pin with which another run reads a table of this release.

    Raise `UnknownNameError` if it has no such table.
    """
    if table not in release.tables:
        raise UnknownNameError(f"table of release {release.id} named", table, release.tables)
    return Pin(release.tables[table].path, release.tables[table].version, release.id)


def outputs_of(lake: Lake, release: Release) -> Iterator[Location]:
    """Yield every file that a release consists of."""
    for table in release.tables.values():
        yield from files_of(lake.path(table.path), table.version)
    for file in release.files.values():
        yield lake.path(file.path)


def current(lake: Lake, dataflow: Identity) -> Release | None:
    """Return the release that readers get, or None if there was no publication yet."""
    move = last_move(lake.pointer(dataflow))
    return read_document(Release, _document(lake, dataflow, move.release)) if move else None


def release(lake: Lake, dataflow: Identity, release_id: str) -> Release:
    """Return a published release.

    Raise `UnknownNameError` listing those that there are, or `RemovedReleaseError` for one that a
    cleaning has removed.
    """
    known = _published(lake, dataflow)
    if release_id not in known:
        check_not_removed(dataflow, release_id, read_moves(lake.pointer(dataflow)))
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

    Raise what `release` raises if there is no such release. Nothing moves if it is current.
    """
    wanted = release(lake, dataflow, release_id)
    pointer = lake.pointer(dataflow)
    while (moves := read_moves(pointer))[-1].release != wanted.id:
        check_not_removed(dataflow, wanted.id, moves)
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
        found = lake.path(file.path).find()
        if found is None:
            raise PublicationError(accepted.dataflow, f"the accepted file {file.path} is gone")
        if found.bytes != file.bytes:
            raise PublicationError(
                accepted.dataflow,
                f"the accepted file {file.path} has {found.bytes} bytes; "
                f"accepted were {file.bytes}",
            )
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
        warnings=accepted.warnings,
    )


def _commit(
    lake: Lake, dataflow: Dataflow, table: Table, output: AcceptedOutput, release_id: str
) -> ReleasedTable:
    directory = lake.table(dataflow.identity, table.name)
    files = [
        TableFile(lake.path(each.path).name, each.bytes, each.rows or 0) for each in output.files
    ]
    version = commit(directory, table, files, app_id=release_id)
    return ReleasedTable(directory.key, version, sum(each.rows for each in files))


def _published(lake: Lake, dataflow: Identity) -> list[str]:
    moves = read_moves(lake.pointer(dataflow))
    gone = removed(moves)
    return [each for each in dict.fromkeys(move.release for move in moves) if each not in gone]


def _document(lake: Lake, dataflow: Identity, release_id: str) -> Location:
    return lake.releases(dataflow) / f"{release_id}.json"
