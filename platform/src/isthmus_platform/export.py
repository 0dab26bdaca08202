"""Exporting the inputs of a run as plain Parquet files, to compute it again without Airflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pyarrow import parquet

from isthmus_contracts import DataflowContract, Table
from isthmus_platform.deployment import Deployment
from isthmus_platform.errors import SourceError
from isthmus_platform.lake import releases
from isthmus_platform.lake.delta.tables import files_of
from isthmus_platform.lake.documents import parse_document
from isthmus_platform.lake.layout import Lake
from isthmus_platform.lake.pins import Pin
from isthmus_platform.lake.schemas import arrow_schema, fit
from isthmus_platform.lake_access import open_lake
from isthmus_platform.runs import RunRecord
from isthmus_platform.runs.pins import Pins
from isthmus_platform.storage import Location
from isthmus_platform.storage.local_files import atomic_write


def export_inputs(
    deployment: Deployment, dataflow: DataflowContract, directory: Path, run: str | None = None
) -> Iterator[tuple[str, int]]:
    """Write each input of a run as `<input>.parquet`, and yield its name and number of rows.

    Without `run`, export the inputs of the current release. Raise `SourceError` if there is none,
    or if no such run pinned its inputs here.
    """
    lake = open_lake(deployment)
    pins = _pins(deployment, lake, dataflow, run)
    directory.mkdir(parents=True, exist_ok=True)
    for declared in dataflow.inputs:
        pin = pins[declared.name]
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


def _pins(
    deployment: Deployment, lake: Lake, dataflow: DataflowContract, run: str | None
) -> Mapping[str, Pin]:
    if run is not None:
        record = RunRecord(Path(deployment.runs.root), dataflow.identity, run)
        try:
            return parse_document(Pins, record.pins.read_bytes(), str(record.pins)).inputs
        except FileNotFoundError:
            raise SourceError(
                str(dataflow.identity), f"no run {run!r} has pinned its inputs here"
            ) from None
    release = releases.current(lake, dataflow.identity)
    if release is None:
        raise SourceError(str(dataflow.identity), "it has published no release yet; run it first")
    return release.inputs
