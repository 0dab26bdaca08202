"""Exporting the inputs of a run as plain Parquet files, to compute it again without Airflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pyarrow import parquet

from isthmus_contracts import DataflowContract, Table
from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import SourceError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.schemas import arrow_schema, fit
from isthmus_platform.lake_access import open_lake
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.history import newest_runs
from isthmus_platform.runs.pins import Pins, read_pins_document
from isthmus_platform.storage import Location
from isthmus_platform.storage.local_files import atomic_write

_LAST_RUNS = 50


def find_inputs(
    deployment: Deployment, dataflow: DataflowContract, run: str | None = None
) -> tuple[str, Pins]:
    """Return of what inputs are exported, in words, and the pins of that run.

    Without `run`, it is the last run that has pinned its inputs, also if it failed later; where
    no run has left a record, it is that of the current release. Raise `SourceError` if there is
    neither, or if no such run has pinned its inputs here.
    """
    root, identity = Path(deployment.runs.root), dataflow.identity
    if run is not None:
        record = RunRecord(root, identity, run)
        if not record.pins.is_file():
            raise SourceError(str(identity), f"no run {run!r} has pinned its inputs here")
        return f"run {run}", read_pins_document(record.pins)
    for started in newest_runs(root, identity, _LAST_RUNS):
        if started.record.pins.is_file():
            return f"run {started.record.run}", read_pins_document(started.record.pins)
    release = releases.current(open_lake(deployment), identity)
    if release is None:
        raise SourceError(str(identity), "no run has pinned its inputs here; run it first")
    where = f"release {release.id} of run {release.run}, which has left no record here"
    return where, Pins(release.params, release.inputs, release.interval)


def export_inputs(
    lake: Lake, dataflow: DataflowContract, pins: Pins, directory: Path
) -> Iterator[tuple[str, int]]:
    """Write each pinned input as `<input>.parquet`, and yield its name and number of rows."""
    directory.mkdir(parents=True, exist_ok=True)
    for declared in dataflow.inputs:
        pin = pins.inputs[declared.name]
        with atomic_write(directory / f"{declared.name}.parquet") as draft:
            rows = _write(draft, declared.table, files_of(lake.path(pin.table), pin.version))
        yield declared.name, rows


def _write(path: Path, table: Table, files: Iterable[Location]) -> int:
    rows = 0
    with parquet.ParquetWriter(path, arrow_schema(table), compression="zstd") as writer:
        for file in files:
            for batch in parquet.ParquetFile(file.local()).iter_batches():
                writer.write_batch(fit(table, batch))
                rows += batch.num_rows
    return rows
