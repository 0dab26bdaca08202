"""Delta tables: Parquet files that lie in the table's directory, committed without a copy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Schema,
    Transaction,
)
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions
from pyarrow import parquet

from isthmus_contracts import Table
from isthmus_platform.lake.clock import Clock, utc_now
from isthmus_platform.lake.schemas import arrow_schema, delta_schema, fit
from isthmus_platform.lake.validation.checker import Checker
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


def write_table(
    directory: Location, table: Table, batches: Iterable[pa.RecordBatch]
) -> tuple[TableFile, ...]:
    """Write checked batches into the table's directory, each as a row group; commit nothing.

    Raise `TableContractError` if they break the contract. Whatever is raised, no file is left.
    """
    place = directory / f"{uuid4().hex}.parquet"
    checker = Checker(table)
    with place.writing() as path:
        with parquet.ParquetWriter(path, arrow_schema(table), compression="zstd") as writer:
            for batch in batches:
                checker.add(batch)
                if not checker.broken:
                    writer.write_batch(fit(table, batch))
        rows = checker.finish()
        size = path.stat().st_size
    return (TableFile(place.name, size, rows),)


def commit(
    directory: Location,
    table: Table,
    files: Sequence[TableFile],
    app_id: str,
    *,
    clock: Clock = utc_now,
) -> int:
    """Make `files` the whole content of the table, and return the version that holds them.

    They lie in `directory` already; some may be in the table now or have been before. Whatever
    else its newest version holds, of a release that was rolled back or of one that was never
    published, is not in the new one. If `app_id` has committed before, return its version and
    change nothing.
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
                _create(directory, table, [_action(file, now) for file in files], properties)
            elif not _write(newest, table, files, properties, now):
                continue
        except DeltaError:
            if (newest := _open(directory)) is None or newest.version() < version:
                raise  # nobody else has taken this version, so trying again would not help
        else:
            log = directory / "_delta_log" / f"{version:020}.json"
            log.store.flush(log.key)
            return version


def head(directory: Location) -> int | None:
    """Return the newest version of the table, or None if nothing was ever committed."""
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


def columns_of(directory: Location, version: int) -> dict[str, str]:
    """Return the columns of one version of a table, each with its type in the contract's words."""
    return _in_words(read_version(directory, version).schema())


def columns_in(table: Table) -> dict[str, str]:
    """Return the columns that a table's contract declares, in the same words."""
    return _in_words(delta_schema(table))


def _in_words(schema: Schema) -> dict[str, str]:
    return {field.name: _word(field) for field in schema.fields}


def _word(field: Field) -> str:
    kind = str(getattr(field.type, "type", field.type))
    word = {"long": "int64", "double": "float64", "boolean": "bool"}.get(kind, kind)
    return word if field.nullable else f"{word}, not null"


def _open(directory: Location) -> DeltaTable | None:
    there = DeltaTable.is_deltatable(directory.address, dict(directory.store.options))
    return read_version(directory) if there else None


def _action(file: TableFile, now: int) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.name, file.bytes, {}, now, True, stats)


def _create(
    directory: Location, table: Table, actions: Sequence[AddAction], properties: CommitProperties
) -> None:
    create_table_with_add_actions(
        directory.address,
        delta_schema(table),
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
    """Commit, or return False if that takes another commit before, which is done."""
    schema = delta_schema(table)
    write = partial(
        newest.create_write_transaction, schema=schema, post_commithook_properties=_AFTER_COMMIT
    )
    there = _sizes(newest)
    stay = there.keys() & {file.name for file in files}
    actions: list[AddAction | RemoveAction]
    actions = [_action(file, now) for file in files if file.name not in stay]
    if not stay:
        write(actions, "overwrite", commit_properties=properties)
        return True
    if newest.schema() != schema:  # only overwriting changes columns
        write([], "overwrite", commit_properties=CommitProperties(max_commit_retries=0))
        return False
    actions += [_removal(name, size, now) for name, size in there.items() if name not in stay]
    write(actions, "append", commit_properties=properties)
    return True


def _sizes(table: DeltaTable) -> dict[str, int]:
    found = table.get_add_actions()
    names = map(unquote, found.column("path").to_pylist())
    return dict(zip(names, found.column("size_bytes").to_pylist(), strict=True))


def _removal(name: str, size: int, now: int) -> RemoveAction:
    return RemoveAction(name, True, now, size, {})
