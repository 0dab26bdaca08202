"""Delta tables: Parquet files that lie in the table's directory, committed without a copy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Transaction,
)
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions
from pyarrow import parquet

from isthmus_contracts import Table
from isthmus_platform.lake.checks import Checker
from isthmus_platform.lake.schemas import arrow_schema, delta_schema, fit
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


def commit(directory: Location, table: Table, files: Sequence[TableFile], app_id: str) -> int:
    """Make `files` the whole content of the table, and return the version that holds them.

    They lie in `directory` already. If `app_id` has committed before, return its version and
    change nothing.
    """
    actions = [_action(each) for each in files]
    while True:
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
            if newest:
                _overwrite(newest, table, actions, properties)
            else:
                _create(directory, table, actions, properties)
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


def read_version(directory: Location, version: int) -> DeltaTable:
    """Return one version of a table."""
    options = dict(directory.store.options)
    return DeltaTable(directory.address, version=version, storage_options=options)


def columns_of(directory: Location, version: int) -> dict[str, str]:
    """Return the columns of one version of a table, each with its type in the contract's words."""
    fields = read_version(directory, version).schema().fields
    return {each.name: _in_words(each) for each in fields}


def _in_words(field: Field) -> str:
    kind = str(getattr(field.type, "type", field.type))
    word = {"long": "int64", "double": "float64", "boolean": "bool"}.get(kind, kind)
    return word if field.nullable else f"{word}, not null"


def _open(directory: Location) -> DeltaTable | None:
    options = dict(directory.store.options)
    there = DeltaTable.is_deltatable(directory.address, options)
    return DeltaTable(directory.address, storage_options=options) if there else None


def _action(file: TableFile) -> AddAction:
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.name, file.bytes, {}, int(time.time() * 1000), True, stats)


def _create(
    directory: Location, table: Table, actions: list[AddAction], properties: CommitProperties
) -> None:
    create_table_with_add_actions(
        directory.address,
        delta_schema(table),
        actions,
        name=table.name,
        description=table.description,
        configuration=_CONFIGURATION,
        storage_options=dict(directory.store.options),
        commit_properties=properties,
        post_commithook_properties=_AFTER_COMMIT,
    )


def _overwrite(
    newest: DeltaTable, table: Table, actions: list[AddAction], properties: CommitProperties
) -> None:
    newest.create_write_transaction(
        [*actions],
        "overwrite",
        delta_schema(table),
        commit_properties=properties,
        post_commithook_properties=_AFTER_COMMIT,
    )
