"""Versions of Delta tables: committing files of the table's directory, without copying them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Schema,
    Transaction,
)
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from isthmus_contracts import Table
from isthmus_platform.lake.clock import Clock, utc_now
from isthmus_platform.lake.schemas import arrow_schema
from isthmus_platform.storage import Location

# Releases pin old versions, so the log that leads to them must not expire.
_CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}
_AFTER_COMMIT = PostCommitHookProperties(cleanup_expired_logs=False)


@dataclass(frozen=True, slots=True)
class TableFile:
    """Name a Parquet file in its table's directory."""

    name: str
    bytes: int
    rows: int


def commit(
    directory: Location,
    table: Table,
    files: Sequence[TableFile],
    app_id: str,
    *,
    clock: Clock = utc_now,
) -> int:
    """Make `files` the whole content of the table, and return the version that holds them.

    The files lie in `directory` already; some may be in the table now or have been before. The new
    version holds nothing else, whatever a release that was rolled back, or was never published, has
    left in the newest one. If `app_id` has committed before, return its version and change nothing.
    """
    while True:
        now = int(clock().timestamp() * 1000)
        newest = _open(directory)
        done = newest.transaction_version(app_id) if newest else None
        if done is not None:
            return done
        version = newest.version() + 1 if newest else 0
        # Without retries, it is this version or none, so the transaction can record which.
        properties = CommitProperties(
            max_commit_retries=0, app_transactions=[Transaction(app_id, version)]
        )
        try:
            if newest is None:
                _create(directory, table, [_add_action(file, now) for file in files], properties)
            elif not _write(newest, table, files, properties, now):
                continue
        except DeltaError:
            if (newest := _open(directory)) is None or newest.version() < version:
                raise  # not a conflict: nobody else committed this version
        else:
            log = directory / "_delta_log" / f"{version:020}.json"
            log.store.flush(log.key)
            return version


def latest_version(directory: Location) -> int | None:
    """Return the number of the newest version, or None if nothing was ever committed."""
    table = _open(directory)
    return table.version() if table else None


def files_of(directory: Location, version: int) -> tuple[Location, ...]:
    """Return the files that one version of a table consists of."""
    names = read_version(directory, version).get_add_actions().column("path").to_pylist()
    return tuple(directory / name for name in sorted(map(unquote, names)))


def read_version(directory: Location, version: int | None = None) -> DeltaTable:
    """Return one version of a table, by default its newest."""
    options = dict(directory.store.options)
    return DeltaTable(directory.address, version=version, storage_options=options)


def _schema(table: Table) -> Schema:
    return Schema.from_arrow(arrow_schema(table))


def _open(directory: Location) -> DeltaTable | None:
    exists = DeltaTable.is_deltatable(directory.address, dict(directory.store.options))
    return read_version(directory) if exists else None


def _add_action(file: TableFile, now: int) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.name, file.bytes, {}, now, True, stats)


def _create(
    directory: Location, table: Table, actions: Sequence[AddAction], properties: CommitProperties
) -> None:
    create_table_with_add_actions(
        directory.address,
        _schema(table),
        list(actions),
        name=table.name,
        description=table.description,
        configuration=_CONFIGURATION,
        storage_options=dict(directory.store.options),
        commit_properties=properties,
        post_commithook_properties=_AFTER_COMMIT,
    )


def _write(
    newest: DeltaTable,
    table: Table,
    files: Sequence[TableFile],
    properties: CommitProperties,
    now: int,
) -> bool:
    """Commit, or return False after a commit that must come before and changes the columns."""
    schema = _schema(table)
    write = partial(
        newest.create_write_transaction, schema=schema, post_commithook_properties=_AFTER_COMMIT
    )
    present = _sizes(newest)
    stay = present.keys() & {file.name for file in files}
    actions: list[AddAction | RemoveAction]
    actions = [_add_action(file, now) for file in files if file.name not in stay]
    if not stay:
        write(actions, "overwrite", commit_properties=properties)
        return True
    if newest.schema() != schema:  # only overwriting changes columns
        write([], "overwrite", commit_properties=CommitProperties(max_commit_retries=0))
        return False
    removed = ((name, size) for name, size in present.items() if name not in stay)
    actions += [_remove_action(name, size, now) for name, size in removed]
    write(actions, "append", commit_properties=properties)
    return True


def _sizes(table: DeltaTable) -> dict[str, int]:
    found = table.get_add_actions()
    names = map(unquote, found.column("path").to_pylist())
    return dict(zip(names, found.column("size_bytes").to_pylist(), strict=True))


def _remove_action(name: str, size: int, now: int) -> RemoveAction:
    return RemoveAction(name, True, now, size, {})
